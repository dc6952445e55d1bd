package org.attune.models.gguf;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.attune.models.ModelConfig;
import org.attune.plugin.UserError;

/**
 * How models of a family lie in GGUF files.
 *
 * @param architecture GGUF's name for it
 * @param layers Hugging Face's path of the layers
 * @param inLayer modules of a layer: Hugging Face's {@code self_attn.q_proj} to GGUF's {@code attn_q}
 * @param others modules outside layers
 * @param interleaved whether the rows of query and key maps stand in the order of interleaved rotary pairs
 * @param keys writes what a config.json says
 */
record GgufLayout(
        String architecture,
        String layers,
        Map<String, String> inLayer,
        Map<String, String> others,
        boolean interleaved,
        Keys keys) {
    static final String TOKENS = "token_embd.weight";
    static final String POSITIONS = "position_embd.weight";

    private static final Pattern PARAMETER = Pattern.compile("(.+)\\.(weight|bias)");
    private static final Pattern TURNED = Pattern.compile("blk\\.\\d+\\.attn_([qk])\\.(weight|bias)");

    /** The metadata of an architecture. */
    interface Keys {
        /** @param prefix stands before each key */
        void put(GgufWriter out, String prefix, ModelConfig config);
    }

    private static final Map<String, String> GATED = Map.of(
            "input_layernorm", "attn_norm",
            "self_attn.q_proj", "attn_q",
            "self_attn.k_proj", "attn_k",
            "self_attn.v_proj", "attn_v",
            "self_attn.o_proj", "attn_output",
            "post_attention_layernorm", "ffn_norm",
            "mlp.gate_proj", "ffn_gate",
            "mlp.up_proj", "ffn_up",
            "mlp.down_proj", "ffn_down");
    private static final Map<String, String> GATED_ENDS =
            Map.of("model.embed_tokens", "token_embd", "model.norm", "output_norm", "lm_head", "output");
    private static final Map<String, String> GPT2 = Map.of(
            "ln_1", "attn_norm",
            "attn.c_attn", "attn_qkv",
            "attn.c_proj", "attn_output",
            "ln_2", "ffn_norm",
            "mlp.c_fc", "ffn_up",
            "mlp.c_proj", "ffn_down");
    private static final Map<String, String> GPT2_ENDS = Map.of(
            "transformer.wte", "token_embd",
            "transformer.wpe", "position_embd",
            "transformer.ln_f", "output_norm",
            "lm_head", "output");

    private static final Map<String, GgufLayout> BY_FAMILY = new TreeMap<>(Map.of(
            "llama", gated("llama", true),
            "mistral", gated("llama", true),
            "qwen2", gated("qwen2", false),
            "gpt2", new GgufLayout("gpt2", "transformer.h", GPT2, GPT2_ENDS, false, GgufLayout::gpt2Keys)));

    private static GgufLayout gated(String architecture, boolean interleaved) {
        return new GgufLayout(architecture, "model.layers", GATED, GATED_ENDS, interleaved, GgufLayout::gatedKeys);
    }

    /** @throws UserError if there is none for the family */
    static GgufLayout of(String family) {
        GgufLayout layout = BY_FAMILY.get(family);
        if (layout == null) {
            throw new UserError("models of the family " + family + " are not written as GGUF; those of "
                    + String.join(", ", BY_FAMILY.keySet()) + " are");
        }
        return layout;
    }

    /** GGUF's name of a weight; empty where it has none. */
    Optional<String> name(String weight) {
        Matcher parameter = PARAMETER.matcher(weight);
        if (!parameter.matches()) {
            return Optional.empty();
        }
        String module = parameter.group(1);
        String end = "." + parameter.group(2);
        if (!module.startsWith(layers + ".")) {
            return Optional.ofNullable(others.get(module)).map(name -> name + end);
        }
        String[] numberAndRest = module.substring(layers.length() + 1).split("\\.", 2);
        return numberAndRest.length < 2
                ? Optional.empty()
                : Optional.ofNullable(inLayer.get(numberAndRest[1]))
                        .map(name -> "blk." + numberAndRest[0] + "." + name + end);
    }

    /** How many heads a tensor's rows belong to, if they have to be interleaved; else 0. */
    int interleavedHeads(String name, ModelConfig config) {
        Matcher turned = TURNED.matcher(name);
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
        GgufRotaryKeys.put(out, prefix, config, headSize);
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
