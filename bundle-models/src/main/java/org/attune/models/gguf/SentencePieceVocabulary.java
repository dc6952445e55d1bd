package org.attune.models.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.attune.plugin.UserError;

/**
 * Writes a tokenizer.json that was made of SentencePiece's byte-pair encoding back into SentencePiece's terms: each token has a score,
 * and of all neighbours that make a token those with the highest are merged first. A tokenizer.json lists merges in that order.
 */
final class SentencePieceVocabulary {
    private static final String BLANK = "\u2581";
    private static final Pattern BYTE = Pattern.compile("<0x[0-9A-F]{2}>");

    private SentencePieceVocabulary() {}

    /**
     * @param tokens by id; user-defined ones are written with blanks, as they stand in texts
     * @param types of the tokens, of which this sets those of bytes and of the unknown one
     * @throws UserError if it is not SentencePiece's
     */
    static void put(GgufWriter out, JsonNode tokenizer, String[] tokens, int[] types) {
        JsonNode model = tokenizer.path("model");
        String unknown = model.path("unk_token").asText();
        for (int id = 0; id < tokens.length; id++) {
            if (tokens[id].equals(unknown)) {
                types[id] = TokenTypes.UNKNOWN;
                out.whole(GgufTokenizer.UNKNOWN_ID, id);
            } else if (types[id] == TokenTypes.NORMAL
                    && BYTE.matcher(tokens[id]).matches()) {
                types[id] = TokenTypes.BYTE;
            } else if (types[id] == TokenTypes.USER_DEFINED) {
                tokens[id] = tokens[id].replace(BLANK, " ");
            }
        }
        out.text("tokenizer.ggml.model", "llama")
                .text("tokenizer.ggml.pre", "default")
                .numbers("tokenizer.ggml.scores", scores(GgufVocabulary.merges(model), tokens, types))
                .flag("tokenizer.ggml.add_space_prefix", blankFirst(tokenizer));
    }

    /** By the rank of the merges that make a token; characters come after all of them; 0 for tokens that are not merged. */
    private static float[] scores(List<String> merges, String[] tokens, int[] types) {
        Set<String> normal = new HashSet<>();
        for (int id = 0; id < tokens.length; id++) {
            if (types[id] == TokenTypes.NORMAL) {
                normal.add(tokens[id]);
            }
        }
        Map<String, Integer> rank = new HashMap<>();
        Map<String, Integer> pairs = new HashMap<>();
        String last = "";
        for (String merge : merges) {
            int blank = merge.indexOf(' ', 1);
            String left = merge.substring(0, blank);
            String right = merge.substring(blank + 1);
            String made = left + right;
            if (normal.contains(left) && normal.contains(right) && normal.contains(made)) {
                if (!made.equals(last) && rank.putIfAbsent(made, rank.size()) != null) {
                    throw other("the merges that make '" + made + "' do not stand together");
                }
                pairs.merge(made, 1, Integer::sum);
                last = made;
            }
        }
        for (String token : normal) {
            int all = 0;
            for (int i = 1; i < token.length(); i++) {
                all += normal.contains(token.substring(0, i)) && normal.contains(token.substring(i)) ? 1 : 0;
            }
            int found = pairs.getOrDefault(token, 0);
            if (all != found) {
                throw other("of the " + all + " pairs of tokens that make '" + token + "' it merges " + found);
            }
        }
        float[] scores = new float[tokens.length];
        int next = rank.size();
        for (int id = 0; id < tokens.length; id++) {
            if (types[id] == TokenTypes.NORMAL) {
                scores[id] = -(rank.containsKey(tokens[id]) ? rank.get(tokens[id]) : next++);
            }
        }
        return scores;
    }

    /** Whether a text is taken as if a blank stood before it; then parts after a special token are, too. */
    private static boolean blankFirst(JsonNode tokenizer) {
        JsonNode normalizer = tokenizer.path("normalizer");
        JsonNode words = tokenizer.path("pre_tokenizer");
        JsonNode steps = normalizer.path("normalizers");
        if (isNull(normalizer) && words.path("type").asText().equals("Metaspace")) {
            return !words.path("prepend_scheme").asText("always").equals("never");
        }
        boolean cutsNothing = isNull(words)
                || words.path("pattern").path("String").asText().equals(" "); // which no text has after the normalizer
        if (cutsNothing && blanks(normalizer)) {
            return false;
        }
        if (cutsNothing
                && steps.size() == 2
                && steps.path(0).path("prepend").asText().equals(BLANK)
                && blanks(steps.path(1))) {
            return true;
        }
        throw other("its normalizer or pre_tokenizer does more than to write blanks as " + BLANK);
    }

    private static boolean blanks(JsonNode normalizer) {
        return normalizer.path("pattern").path("String").asText().equals(" ")
                && normalizer.path("content").asText().equals(BLANK);
    }

    private static boolean isNull(JsonNode node) {
        return node.isMissingNode() || node.isNull();
    }

    private static UserError other(String why) {
        return new UserError("tokenizer.json: cannot be written as GGUF, as it is no SentencePiece tokenizer: " + why);
    }
}
