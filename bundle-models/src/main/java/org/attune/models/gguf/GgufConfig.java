package org.attune.models.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashSet;
import java.util.Set;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;

/**
 * Makes a config.json of a file's metadata. What the file says of its architecture ({@code llama.block_count}) and nobody has asked
 * for in the end is refused by name: a feature ignored gives wrong numbers.
 */
final class GgufConfig {
    static final String TOKENS = "token_embd.weight";

    private final GgufMetadata metadata;
    private final String prefix;
    private final ObjectNode json = JsonNodeFactory.instance.objectNode();
    private final Set<String> known = new HashSet<>();

    /** With the vocabulary's size and special ids and whether the output is tied, which all families call the same. */
    GgufConfig(GgufFile file, String modelType) {
        this.metadata = file.metadata();
        this.prefix = metadata.text(GgufArchitecture.KEY) + ".";
        json.put("model_type", modelType);
        json.put("tie_word_embeddings", !file.names().contains("output.weight"));
        Shape tokens = file.shape(TOKENS);
        json.put("vocab_size", tokens.rank() == 0 ? 1 : tokens.dim(0));
        ignore("vocab_size");
        specialToken("bos_token_id", "tokenizer.ggml.bos_token_id");
        specialToken("eos_token_id", "tokenizer.ggml.eos_token_id");
        specialToken("pad_token_id", "tokenizer.ggml.padding_token_id");
    }

    private void specialToken(String key, String from) {
        if (metadata.has(from)) {
            json.put(key, metadata.whole(from));
        }
    }

    /** A key that the file must have, under Hugging Face's name. */
    GgufConfig copy(String key, String from) {
        Object value = metadata.value(prefix + from);
        known.add(prefix + from);
        if (value instanceof Long whole) {
            json.put(key, whole);
        } else if (value instanceof Double number) {
            json.put(key, number);
        } else {
            throw metadata.invalid(prefix + from, "a number");
        }
        return this;
    }

    GgufConfig copyIfThere(String key, String from) {
        return has(from) ? copy(key, from) : this;
    }

    GgufConfig put(String key, JsonNode value) {
        json.set(key, value);
        return this;
    }

    /** Says that keys are looked after, or that nothing depends on them. */
    GgufConfig ignore(String... keys) {
        for (String key : keys) {
            known.add(prefix + key);
        }
        return this;
    }

    boolean has(String key) {
        return metadata.has(prefix + key);
    }

    int whole(String key) {
        known.add(prefix + key);
        return metadata.whole(prefix + key);
    }

    double number(String key) {
        known.add(prefix + key);
        return metadata.number(prefix + key);
    }

    String text(String key) {
        known.add(prefix + key);
        return metadata.text(prefix + key);
    }

    UserError invalid(String key, String expected) {
        return metadata.invalid(prefix + key, expected);
    }

    /** @throws UserError if the file says more of its architecture than was asked for */
    ObjectNode finish() {
        for (String key : metadata.keys()) {
            if (key.startsWith(prefix) && !known.contains(key)) {
                throw metadata.unsupported(key);
            }
        }
        return json;
    }
}
