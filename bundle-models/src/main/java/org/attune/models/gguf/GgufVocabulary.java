package org.attune.models.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.attune.plugin.UserError;

/** Writes a tokenizer.json of byte-pair encoding, over bytes or SentencePiece's, as a GGUF file's metadata. */
final class GgufVocabulary {
    private static final Map<String, String> SPECIAL_IDS = Map.of(
            "bos_token_id", "tokenizer.ggml.bos_token_id",
            "eos_token_id", "tokenizer.ggml.eos_token_id",
            "pad_token_id", "tokenizer.ggml.padding_token_id");

    private GgufVocabulary() {}

    /**
     * @param config the model's config.json, for the ids of special tokens
     * @param size rows of the embedding: ids beyond the tokenizer's get names that no text has
     * @throws UserError if it is no byte-pair encoding, or does something that GGUF has no name for
     */
    static void put(GgufWriter out, JsonNode tokenizer, JsonNode config, int size) {
        JsonNode model = tokenizer.path("model");
        if (!model.path("type").asText().equals("BPE")) {
            throw new UserError("tokenizer.json: a tokenizer of type " + model.path("type")
                    + " cannot be written as GGUF; byte-pair encoding can");
        }
        boolean pieces = model.path("byte_fallback").asBoolean();
        String[] tokens = new String[size];
        int[] types = new int[size];
        Arrays.fill(types, TokenTypes.NORMAL);
        model.path("vocab").properties().forEach(token -> set(tokens, token.getValue(), token.getKey()));
        for (JsonNode added : tokenizer.path("added_tokens")) {
            set(tokens, added.path("id"), added.path("content").asText());
            types[added.path("id").asInt()] =
                    added.path("special").asBoolean() ? TokenTypes.CONTROL : TokenTypes.USER_DEFINED;
        }
        for (int id = 0; id < size; id++) {
            if (tokens[id] == null) {
                tokens[id] = "[PAD" + id + "]";
                types[id] = TokenTypes.UNUSED;
            }
        }
        if (pieces) {
            SentencePieceVocabulary.put(out, tokenizer, tokens, types);
        } else {
            out.text("tokenizer.ggml.model", "gpt2")
                    .text("tokenizer.ggml.pre", words(tokenizer.path("pre_tokenizer")))
                    .texts("tokenizer.ggml.merges", merges(model));
        }
        out.texts("tokenizer.ggml.tokens", List.of(tokens)).wholes("tokenizer.ggml.token_type", types);
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
        if (bytes && !cuts && pattern.equals(ByteLevelTokenizer.PATTERN.formatted("{1,3}")) && steps.size() == 2) {
            return "llama-bpe";
        }
        if (bytes && !cuts && pattern.equals(ByteLevelTokenizer.PATTERN.formatted("")) && steps.size() == 2) {
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

    /** Pairs with a blank between, which newer files hold as lists. */
    static List<String> merges(JsonNode model) {
        List<String> pairs = new ArrayList<>();
        for (JsonNode pair : model.path("merges")) {
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
