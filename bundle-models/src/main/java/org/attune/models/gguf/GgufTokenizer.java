package org.attune.models.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** Makes a tokenizer.json of a GGUF file's metadata: what all kinds have in common. */
abstract class GgufTokenizer {
    private static final String MODEL = "tokenizer.ggml.model";
    private static final String TOKENS = "tokenizer.ggml.tokens";
    private static final String TYPES = "tokenizer.ggml.token_type";
    private static final String TEMPLATE = "tokenizer.chat_template";
    private static final String BEGIN = "tokenizer.ggml.bos_token_id";
    private static final String END = "tokenizer.ggml.eos_token_id";
    static final String UNKNOWN_ID = "tokenizer.ggml.unknown_token_id";
    /** Special tokens, by what tokenizer_config.json calls them. */
    private static final Map<String, String> NAMES = new TreeMap<>(Map.of(
            "bos_token", BEGIN,
            "eos_token", END,
            "unk_token", UNKNOWN_ID,
            "pad_token", "tokenizer.ggml.padding_token_id"));

    final GgufMetadata metadata;
    final String[] tokens;
    final int[] types;

    GgufTokenizer(GgufMetadata metadata) {
        this.metadata = metadata;
        this.tokens = metadata.texts(TOKENS);
        this.types = metadata.ints(TYPES);
        if (tokens.length == 0) {
            throw metadata.invalid(TOKENS, "at least one token");
        }
        if (types.length != tokens.length) {
            throw metadata.invalid(TYPES, "one for each of the " + tokens.length + " tokens");
        }
    }

    /** @throws org.attune.plugin.UserError if the file has no tokenizer, or one of a kind that is not known */
    static byte[] json(GgufMetadata metadata) {
        GgufTokenizer tokenizer = switch (metadata.text(MODEL)) {
            case "gpt2" -> new ByteLevelTokenizer(metadata);
            case "llama" -> new SentencePieceTokenizer(metadata);
            default -> throw metadata.invalid(MODEL, "one of the supported: gpt2, llama");
        };
        return tokenizer.json().toString().getBytes(StandardCharsets.UTF_8);
    }

    /** The tokenizer_config.json that says the same: special tokens and the chat template. */
    static ObjectNode config(GgufMetadata metadata) {
        ObjectNode config = JsonNodeFactory.instance.objectNode().put("tokenizer_class", "PreTrainedTokenizerFast");
        String[] tokens = metadata.texts(TOKENS);
        NAMES.forEach((name, key) -> {
            if (metadata.has(key)) {
                config.put(name, token(metadata, tokens, key));
            }
        });
        if (metadata.has(TEMPLATE)) {
            config.put("chat_template", metadata.text(TEMPLATE));
        }
        return config;
    }

    private ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("version", "1.0");
        json.set("added_tokens", addedTokens());
        json.set("normalizer", normalizer());
        json.set("pre_tokenizer", preTokenizer());
        json.set("post_processor", postProcessor());
        json.set("decoder", decoder());
        ObjectNode model = model();
        ObjectNode vocabulary = model.putObject("vocab");
        for (int id = 0; id < tokens.length; id++) {
            vocabulary.put(tokens[id], id);
        }
        json.set("model", model);
        return json;
    }

    /** Null for none. */
    abstract ObjectNode normalizer();

    /** Null for none. */
    abstract ObjectNode preTokenizer();

    abstract ObjectNode decoder();

    /** All but the vocabulary. */
    abstract ObjectNode model();

    /** Whether a text begins with a special token where the file does not say. */
    abstract boolean beginsUnlessSaid();

    /** What is found in a text before anything else. */
    private ArrayNode addedTokens() {
        ArrayNode added = JsonNodeFactory.instance.arrayNode();
        for (int id = 0; id < tokens.length; id++) {
            boolean special = types[id] == TokenTypes.CONTROL || types[id] == TokenTypes.UNKNOWN;
            if (special || types[id] == TokenTypes.USER_DEFINED) {
                added.addObject()
                        .put("id", id)
                        .put("content", tokens[id])
                        .put("single_word", false)
                        .put("lstrip", false)
                        .put("rstrip", false)
                        .put("normalized", false)
                        .put("special", special);
            }
        }
        return added;
    }

    /** What stands before and after each text. */
    private ObjectNode postProcessor() {
        ObjectNode template = node("TemplateProcessing");
        ArrayNode single = template.putArray("single");
        ArrayNode pair = template.putArray("pair");
        ObjectNode special = template.putObject("special_tokens");
        if (metadata.flag("tokenizer.ggml.add_bos_token", beginsUnlessSaid())) {
            addSpecial(BEGIN, single, special);
        }
        single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
        if (metadata.flag("tokenizer.ggml.add_eos_token", false)) {
            addSpecial(END, single, special);
        }
        pair.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
        pair.addObject().putObject("Sequence").put("id", "B").put("type_id", 1);
        return template;
    }

    private void addSpecial(String key, ArrayNode single, ObjectNode special) {
        String token = token(metadata, tokens, key);
        single.addObject().putObject("SpecialToken").put("id", token).put("type_id", 0);
        ObjectNode named = special.putObject(token).put("id", token);
        named.putArray("ids").add(metadata.whole(key));
        named.putArray("tokens").add(token);
    }

    /** The token whose id a key gives. */
    static String token(GgufMetadata metadata, String[] tokens, String key) {
        int id = metadata.whole(key);
        if (id >= tokens.length) {
            throw metadata.invalid(key, "the id of one of the " + tokens.length + " tokens");
        }
        return tokens[id];
    }

    static ObjectNode node(String type) {
        return JsonNodeFactory.instance.objectNode().put("type", type);
    }

    /** Steps one after another. */
    static ObjectNode sequence(String steps, ObjectNode... nodes) {
        ObjectNode sequence = node("Sequence");
        ArrayNode list = sequence.putArray(steps);
        for (ObjectNode node : nodes) {
            list.add(node);
        }
        return sequence;
    }
}
