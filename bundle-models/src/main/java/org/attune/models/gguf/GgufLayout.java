package org.attune.models.gguf;

import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import org.attune.models.ModelConfig;
import org.attune.plugin.UserError;

/**
 * How models of a family are written as GGUF.
 *
 * @param architecture GGUF's name for it
 * @param names of its tensors, as they are read
 * @param interleaved whether the rows of query and key maps stand in the order of interleaved rotary pairs
 * @param keys writes what a config.json says
 */
record GgufLayout(String architecture, TensorNames names, boolean interleaved, Keys keys) {
    static final String TOKENS = "token_embd.weight";
    static final String POSITIONS = "position_embd.weight";

    /** The metadata of an architecture. */
    interface Keys {
        /** @param prefix stands before each key */
        void put(GgufWriter out, String prefix, ModelConfig config);
    }

    private static final Map<String, GgufLayout> BY_FAMILY = new TreeMap<>(Map.of(
            "llama", new GgufLayout("llama", new GatedGguf.Llama().names(), true, GgufLayout::gatedKeys),
            "mistral", new GgufLayout("llama", new GatedGguf.Llama().names(), true, GgufLayout::gatedKeys),
            "qwen2", new GgufLayout("qwen2", new GatedGguf.Qwen2().names(), false, GgufLayout::gatedKeys),
            "gpt2", new GgufLayout("gpt2", new Gpt2Gguf().names(), false, GgufLayout::gpt2Keys)));

    /** @throws UserError if there is none for the family */
    static GgufLayout of(String family) {
        GgufLayout layout = BY_FAMILY.get(family);
        if (layout == null) {
            throw new UserError("models of the family " + family + " are not written as GGUF; those of "
                    + String.join(", ", BY_FAMILY.keySet()) + " are");
        }
        return layout;
    }

    /** How many heads a tensor's rows belong to, if they have to be interleaved; else 0. */
    int interleavedHeads(String name, ModelConfig config) {
        Matcher turned = GatedGguf.Llama.TURNED.matcher(name);
        if (!interleaved || !turned.matches()) {
            return 0;
        }
        int queries = config.size("num_attention_heads");
        return turned.group(1).equals("q") ? queries : config.size("num_key_value_heads", queries);
    }

    private static void gatedKeys(GgufWriter out, String prefix, ModelConfig config) {
        if (!config.text("hidden_act").equals("silu")) {
            throw config.invalid("hidden_act", "silu, the one that GGUF files of this architecture mean");
        }
        int heads = config.size("num_attention_heads");
        int headSize = config.size("head_dim", config.size("hidden_size") / heads);
        out.whole(prefix + "block_count", config.size("num_hidden_layers"))
                .whole(prefix + "context_length", config.size("max_position_embeddings"))
                .whole(prefix + "embedding_length", config.size("hidden_size"))
                .whole(prefix + "feed_forward_length", config.size("intermediate_size"))
                .whole(prefix + "attention.head_count", heads)
                .whole(prefix + "attention.head_count_kv", config.size("num_key_value_heads", heads))
                .whole(prefix + "attention.key_length", headSize)
                .whole(prefix + "attention.value_length", headSize)
                .number(prefix + "attention.layer_norm_rms_epsilon", config.number("rms_norm_eps", 0, 1))
                .whole(prefix + "rope.dimension_count", headSize)
                .whole(prefix + "vocab_size", config.size("vocab_size"));
        if (config.text("model_type").equals("mistral") && config.has("sliding_window")) {
            out.whole(prefix + "attention.sliding_window", config.size("sliding_window"));
        }
        GgufRotary.put(out, prefix, config, headSize);
    }

    private static void gpt2Keys(GgufWriter out, String prefix, ModelConfig config) {
        if (!config.text("activation_function").equals("gelu_new")) {
            throw config.invalid("activation_function", "gelu_new, the one that GGUF files of this architecture mean");
        }
        int hidden = config.size("n_embd");
        out.whole(prefix + "block_count", config.size("n_layer"))
                .whole(prefix + "context_length", config.size("n_positions"))
                .whole(prefix + "embedding_length", hidden)
                .whole(prefix + "feed_forward_length", config.size("n_inner", 4 * hidden))
                .whole(prefix + "attention.head_count", config.size("n_head"))
                .number(prefix + "attention.layer_norm_epsilon", config.number("layer_norm_epsilon", 0, 1));
    }
}
