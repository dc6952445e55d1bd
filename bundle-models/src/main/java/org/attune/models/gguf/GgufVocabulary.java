package org.attune.models.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.attune.plugin.UserError;

/** Writes a tokenizer.json of byte-level byte-pair encoding as a GGUF file's metadata. */
final class GgufVocabulary {
    /** Types of tokens. */
    private static final int NORMAL = 1;

    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;
    private static final int UNUSED = 5;

    /** Contractions; letters with one mark or blank before them; digits, so many at most; other marks; blanks. */
    private static final String PATTERN = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}%s|"
            + " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private static final Map<String, String> SPECIAL_IDS = Map.of(
            "bos_token_id", "tokenizer.ggml.bos_token_id",
            "eos_token_id", "tokenizer.ggml.eos_token_id",
            "pad_token_id", "tokenizer.ggml.padding_token_id");

    private GgufVocabulary() {}

    /**
     * @param config the model's config.json, for the ids of special tokens
     * @param size rows of the embedding: ids beyond the tokenizer's get names that no text has
     * @throws UserError if it is no byte-level byte-pair encoding, or cuts texts into words in a way that GGUF has no name for
     */
    static void put(GgufWriter out, JsonNode tokenizer, JsonNode config, int size) {
        JsonNode model = tokenizer.path("model");
        if (!model.path("type").asText().equals("BPE")
                || model.path("byte_fallback").asBoolean()) {
            throw new UserError("tokenizer.json: a tokenizer of type "
                    + (model.path("byte_fallback").asBoolean() ? "BPE with byte_fallback" : model.path("type"))
                    + " cannot be written as GGUF; byte-level BPE can");
        }
        String words = words(tokenizer.path("pre_tokenizer"));
        String[] tokens = new String[size];
        int[] types = new int[size];
        Arrays.fill(types, NORMAL);
        model.path("vocab").properties().forEach(token -> set(tokens, token.getValue(), token.getKey()));
        for (JsonNode added : tokenizer.path("added_tokens")) {
            set(tokens, added.path("id"), added.path("content").asText());
            types[added.path("id").asInt()] = added.path("special").asBoolean() ? CONTROL : USER_DEFINED;
        }
        for (int id = 0; id < size; id++) {
            if (tokens[id] == null) {
                tokens[id] = "[PAD" + id + "]";
                types[id] = UNUSED;
            }
        }
        out.text("tokenizer.ggml.model", "gpt2")
                .text("tokenizer.ggml.pre", words)
                .texts("tokenizer.ggml.tokens", List.of(tokens))
                .wholes("tokenizer.ggml.token_type", types)
                .texts("tokenizer.ggml.merges", merges(model.path("merges")));
        SPECIAL_IDS.forEach((key, name) -> {
            JsonNode id = config.path(key).isArray() ? config.path(key).path(0) : config.path(key);
            if (id.isInt() && id.asInt() >= 0 && id.asInt() < size) {
                out.whole(name, id.asInt());
            }
        });
        JsonNode single = template(tokenizer.path("post_processor")).path("single");
        out.flag("tokenizer.ggml.add_bos_token", single.path(0).has("SpecialToken"));
        out.flag(
                "tokenizer.ggml.add_eos_token",
                single.size() > 1 && single.path(single.size() - 1).has("SpecialToken"));
    }

    /** GGUF's name for how a text is cut into words before pairs are looked for. */
    private static String words(JsonNode preTokenizer) {
        JsonNode steps = preTokenizer.path("pretokenizers");
        JsonNode first = steps.path(0);
        JsonNode last = steps.isMissingNode() ? preTokenizer : steps.path(1);
        boolean bytes = last.path("type").asText().equals("ByteLevel")
                && !last.path("add_prefix_space").asBoolean();
        boolean cuts = last.path("use_regex").asBoolean(true);
        String pattern = first.path("pattern").path("Regex").asText();
        if (bytes && cuts && steps.isMissingNode()) {
            return "gpt-2";
        }
        if (bytes && cuts && first.path("individual_digits").asBoolean() && steps.size() == 2) {
            return "smollm";
        }
        if (bytes && !cuts && pattern.equals(PATTERN.formatted("{1,3}")) && steps.size() == 2) {
            return "llama-bpe";
        }
        if (bytes && !cuts && pattern.equals(PATTERN.formatted("")) && steps.size() == 2) {
            return "qwen2";
        }
        throw new UserError(
                "tokenizer.json: its pre_tokenizer cuts texts into words in a way that is not written as GGUF;"
                        + " gpt-2's, smollm's, llama-bpe's and qwen2's are");
    }

    private static void set(String[] tokens, JsonNode id, String token) {
        if (!id.isInt() || id.asInt() < 0 || id.asInt() >= tokens.length) {
            throw new UserError("tokenizer.json: token '" + token + "' has the id " + id
                    + ", but the model's vocab_size is " + tokens.length);
        }
        tokens[id.asInt()] = token;
    }

    /** Pairs, which newer files hold as lists. */
    private static List<String> merges(JsonNode merges) {
        List<String> pairs = new ArrayList<>();
        for (JsonNode pair : merges) {
            pairs.add(
                    pair.isArray() ? pair.path(0).asText() + " " + pair.path(1).asText() : pair.asText());
        }
        return pairs;
    }

    /** The template among one or several post-processors; a missing node where there is none. */
    private static JsonNode template(JsonNode processor) {
        for (JsonNode part : processor.path("processors")) {
            if (part.path("type").asText().equals("TemplateProcessing")) {
                return part;
            }
        }
        return processor;
    }
}
