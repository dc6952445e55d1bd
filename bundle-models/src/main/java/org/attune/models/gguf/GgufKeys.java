package org.attune.models.gguf;

import java.util.List;
import java.util.function.IntPredicate;
import org.attune.models.ModelConfig;

/**
 * Writes what a config.json says as the metadata of a GGUF file. What files of an architecture take for granted, or have no word for,
 * is checked: whoever reads the file would compute something else.
 */
interface GgufKeys {
    /** @param prefix stands before each key: the architecture and a full stop */
    void put(GgufWriter out, String prefix, ModelConfig config);

    /** Of so many of Gemma 3's layers the last has no window. */
    int PATTERN = 6;

    String MEANT = ", the one that GGUF files of this architecture mean";

    static void llama(GgufWriter out, String prefix, ModelConfig config) {
        gated(out, prefix, config, "hidden_act", "silu");
        if (config.text("model_type").equals("mistral") && config.has("sliding_window")) {
            out.whole(prefix + "attention.sliding_window", config.size("sliding_window"));
        }
        GgufRotary.put(out, prefix, config, headSize(config));
    }

    static void qwen2(GgufWriter out, String prefix, ModelConfig config) {
        gated(out, prefix, config, "hidden_act", "silu");
        off(config, "use_sliding_window");
        GgufRotary.put(out, prefix, config, headSize(config));
    }

    static void qwen3(GgufWriter out, String prefix, ModelConfig config) {
        off(config, "attention_bias");
        qwen2(out, prefix, config);
    }

    static void gemma2(GgufWriter out, String prefix, ModelConfig config) {
        gemma(out, prefix, config, GatedGguf.Gemma2.LARGEST, layer -> layer % 2 == 0);
        for (String cap : List.of("attn_logit_softcapping", "final_logit_softcapping")) {
            config.require(cap); // a file without it means the family's own
            out.number(prefix + cap, config.number(cap, Double.MIN_NORMAL, Double.MAX_VALUE));
        }
        GgufRotary.put(out, prefix, config, headSize(config));
    }

    static void gemma3(GgufWriter out, String prefix, ModelConfig config) {
        gemma(out, prefix, config, GatedGguf.Gemma3.LARGEST, layer -> (layer + 1) % PATTERN != 0);
        if (!config.has("layer_types") && config.size("sliding_window_pattern", PATTERN) != PATTERN) {
            throw config.invalid("sliding_window_pattern", PATTERN + MEANT);
        }
        if (config.has("attn_logit_softcapping")) {
            throw config.invalid("attn_logit_softcapping", "none" + MEANT);
        }
        if (config.has("final_logit_softcapping")) {
            out.number(
                    prefix + "final_logit_softcapping",
                    config.number("final_logit_softcapping", Double.MIN_NORMAL, Double.MAX_VALUE));
        }
        GgufRotary.putByKind(out, prefix, config);
    }

    static void gpt2(GgufWriter out, String prefix, ModelConfig config) {
        activation(config, "activation_function", "gelu_new");
        int hidden = config.size("n_embd");
        out.whole(prefix + "block_count", config.size("n_layer"))
                .whole(prefix + "context_length", config.size("n_positions"))
                .whole(prefix + "embedding_length", hidden)
                .whole(prefix + "feed_forward_length", config.size("n_inner", 4 * hidden))
                .whole(prefix + "attention.head_count", config.size("n_head"))
                .number(prefix + "attention.layer_norm_epsilon", config.number("layer_norm_epsilon", 0, 1));
    }

    private static void gated(GgufWriter out, String prefix, ModelConfig config, String key, String activation) {
        activation(config, key, activation);
        int heads = config.size("num_attention_heads");
        int headSize = headSize(config);
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
    }

    /**
     * @param largest layers of the model whose scores are scaled by another number
     * @param slides which layers have a window
     */
    private static void gemma(GgufWriter out, String prefix, ModelConfig config, int largest, IntPredicate slides) {
        gated(out, prefix, config, "hidden_activation", "gelu_pytorch_tanh");
        off(config, "attention_bias");
        if (!config.flag("tie_word_embeddings", true)) {
            throw config.invalid("tie_word_embeddings", "true" + MEANT);
        }
        double meant = config.size("num_hidden_layers") == largest
                ? (double) config.size("hidden_size") / config.size("num_attention_heads")
                : headSize(config);
        if (config.number("query_pre_attn_scalar", 0, Double.MAX_VALUE) != meant) {
            throw config.invalid("query_pre_attn_scalar", meant + MEANT);
        }
        List<String> layers = config.texts("layer_types");
        for (int layer = 0; layer < layers.size(); layer++) {
            if (layers.get(layer).equals("sliding_attention") != slides.test(layer)) {
                throw config.invalid("layer_types", "another kind in layer " + layer + MEANT);
            }
        }
        out.whole(prefix + "attention.sliding_window", config.size("sliding_window"));
    }

    private static int headSize(ModelConfig config) {
        return config.size("head_dim", config.size("hidden_size") / config.size("num_attention_heads"));
    }

    private static void activation(ModelConfig config, String key, String meant) {
        if (!config.text(key).equals(meant)) {
            throw config.invalid(key, meant + MEANT);
        }
    }

    private static void off(ModelConfig config, String key) {
        if (config.flag(key)) {
            throw config.invalid(key, "false" + MEANT);
        }
    }
}
