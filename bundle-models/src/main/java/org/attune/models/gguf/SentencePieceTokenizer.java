package org.attune.models.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * SentencePiece's byte-pair encoding (Kudo and Richardson 2018, arXiv 1808.06226), as Llama 1 and 2, Mistral and Gemma have it: of
 * all neighbours that make a token those are merged first whose token has the highest score. Blanks are written as ▁; a character
 * that is no token becomes its bytes.
 */
final class SentencePieceTokenizer extends GgufTokenizer {
    private static final String SCORES = "tokenizer.ggml.scores";
    private static final String BLANK = "\u2581";
    /** The work grows with the square of a token's length. */
    private static final int MAX_TOKEN = 256;

    private record Merge(String left, String right, float score, float leftScore, float rightScore) {}

    private final float[] scores;
    private final boolean blankFirst;

    SentencePieceTokenizer(GgufMetadata metadata) {
        super(metadata);
        this.scores = metadata.floats(SCORES);
        this.blankFirst = metadata.flag("tokenizer.ggml.add_space_prefix", true);
        if (scores.length != tokens.length) {
            throw metadata.invalid(SCORES, "one for each of the " + tokens.length + " tokens");
        }
    }

    @Override
    ObjectNode normalizer() {
        ObjectNode blanks = replace(" ", BLANK);
        return blankFirst ? sequence("normalizers", node("Prepend").put("prepend", BLANK), blanks) : blanks;
    }

    @Override
    ObjectNode preTokenizer() {
        return null;
    }

    @Override
    ObjectNode decoder() {
        ObjectNode blanks = replace(BLANK, " ");
        ObjectNode strip = node("Strip").put("content", " ").put("start", 1).put("stop", 0);
        return blankFirst
                ? sequence("decoders", blanks, node("ByteFallback"), node("Fuse"), strip)
                : sequence("decoders", blanks, node("ByteFallback"), node("Fuse"));
    }

    @Override
    ObjectNode model() {
        ObjectNode model = node("BPE")
                .put("unk_token", metadata.has(UNKNOWN_ID) ? token(metadata, tokens, UNKNOWN_ID) : tokens[0])
                .put("fuse_unk", true)
                .put("byte_fallback", true);
        ArrayNode merges = model.putArray("merges");
        for (Merge merge : merges()) {
            merges.add(merge.left() + " " + merge.right());
        }
        return model;
    }

    @Override
    boolean beginsUnlessSaid() {
        return true;
    }

    /** Every pair of tokens that makes one, in the order in which they are merged. */
    private List<Merge> merges() {
        Map<String, Float> score = new HashMap<>();
        for (int id = 0; id < tokens.length; id++) {
            if (types[id] == TokenTypes.NORMAL) {
                if (tokens[id].length() > MAX_TOKEN) {
                    throw metadata.invalid(
                            "tokenizer.ggml.tokens", "tokens of at most " + MAX_TOKEN + " characters, unlike " + id);
                }
                score.put(tokens[id], scores[id]);
            }
        }
        List<Merge> merges = new ArrayList<>();
        score.forEach((token, own) -> {
            for (int i = 1; i < token.length(); i++) {
                Float left = score.get(token.substring(0, i));
                Float right = score.get(token.substring(i));
                if (left != null && right != null) {
                    merges.add(new Merge(token.substring(0, i), token.substring(i), own, left, right));
                }
            }
        });
        merges.sort(Comparator.comparing(Merge::score)
                .thenComparing(Merge::leftScore)
                .thenComparing(Merge::rightScore)
                .reversed()
                .thenComparing(Merge::left));
        return merges;
    }

    private static ObjectNode replace(String from, String to) {
        ObjectNode replace = node("Replace").put("content", to);
        replace.putObject("pattern").put("String", from);
        return replace;
    }
}
