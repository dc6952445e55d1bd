package org.attune.models.gguf;

import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Llama and its kin. */
abstract class GatedGguf implements GgufArchitecture {
    private static final String QUERY_HEADS = "attention.head_count";
    private static final String KEY_HEADS = "attention.head_count_kv";
    private static final String HEAD_SIZE = "attention.key_length";
    private static final String VALUE_SIZE = "attention.value_length";
    private static final String SCORE_CAP = "attn_logit_softcapping";
    private static final String LOGIT_CAP = "final_logit_softcapping";
    private static final String WINDOW = "attention.sliding_window";

    /** The modules of a layer that all have. */
    private static final Map<String, String> SHARED = Map.of(
            "attn_norm", "input_layernorm",
            "attn_q", "self_attn.q_proj",
            "attn_k", "self_attn.k_proj",
            "attn_v", "self_attn.v_proj",
            "attn_output", "self_attn.o_proj",
            "ffn_gate", "mlp.gate_proj",
            "ffn_up", "mlp.up_proj",
            "ffn_down", "mlp.down_proj");

    private static final Map<String, String> PRE_NORM = Map.of("ffn_norm", "post_attention_layernorm");
    private static final Map<String, String> SANDWICH_NORM = Map.of(
            "post_attention_norm", "post_attention_layernorm",
            "ffn_norm", "pre_feedforward_layernorm",
            "post_ffw_norm", "post_feedforward_layernorm");
    private static final Map<String, String> HEAD_NORM =
            Map.of("attn_q_norm", "self_attn.q_norm", "attn_k_norm", "self_attn.k_norm");

    private final TensorNames names;

    /** @param own modules of a layer beside the shared ones */
    private GatedGguf(Map<String, String> norms, Map<String, String> own) {
        Map<String, String> inLayer = new HashMap<>(SHARED);
        inLayer.putAll(norms);
        inLayer.putAll(own);
        this.names = new TensorNames(
                "model.layers",
                inLayer,
                Map.of("token_embd", "model.embed_tokens", "output_norm", "model.norm", "output", "lm_head"));
    }

    @Override
    public TensorNames names() {
        return names;
    }

    private static GgufConfig common(GgufFile file, String modelType) {
        GgufConfig config = new GgufConfig(file, modelType)
                .copy("num_hidden_layers", "block_count")
                .copy("max_position_embeddings", "context_length")
                .copy("hidden_size", "embedding_length")
                .copy("intermediate_size", "feed_forward_length")
                .copy("num_attention_heads", QUERY_HEADS)
                .copyIfThere("num_key_value_heads", KEY_HEADS)
                .copyIfThere("head_dim", HEAD_SIZE)
                .copy("rms_norm_eps", "attention.layer_norm_rms_epsilon")
                .put("hidden_act", TextNode.valueOf("silu"));
        if (config.has(VALUE_SIZE) && config.whole(VALUE_SIZE) != config.whole(HEAD_SIZE)) {
            throw config.invalid(VALUE_SIZE, "the same as " + HEAD_SIZE);
        }
        GgufRotary.add(config, file);
        return config;
    }

    /** Also what is built like it, SmolLM and, with a sliding window, Mistral. */
    static final class Llama extends GatedGguf {
        static final Pattern TURNED = Pattern.compile("blk\\.\\d+\\.attn_([qk])\\.(weight|bias)");

        Llama() {
            super(PRE_NORM, Map.of());
        }

        @Override
        public ObjectNode config(GgufFile file) {
            boolean window = file.metadata().has("llama." + WINDOW);
            return common(file, window ? "mistral" : "llama")
                    .copyIfThere("sliding_window", WINDOW)
                    .put("attention_bias", BooleanNode.valueOf(file.names().contains("blk.0.attn_q.bias")))
                    .put("mlp_bias", BooleanNode.valueOf(file.names().contains("blk.0.ffn_up.bias")))
                    .finish();
        }

        @Override
        public int interleavedHeads(String name, GgufMetadata metadata) {
            Matcher turned = TURNED.matcher(name);
            if (!turned.matches()) {
                return 0;
            }
            boolean keys = turned.group(1).equals("k") && metadata.has("llama." + KEY_HEADS);
            return metadata.whole("llama." + (keys ? KEY_HEADS : QUERY_HEADS));
        }
    }

    static final class Qwen2 extends GatedGguf {
        Qwen2() {
            super(PRE_NORM, Map.of());
        }

        @Override
        public ObjectNode config(GgufFile file) {
            return common(file, "qwen2").finish();
        }
    }

    static final class Qwen3 extends GatedGguf {
        Qwen3() {
            super(PRE_NORM, HEAD_NORM);
        }

        @Override
        public ObjectNode config(GgufFile file) {
            return common(file, "qwen3").finish();
        }
    }

    /** Whose files hold the weights of norms with the 1 that the model adds. */
    abstract static class Gemma extends GatedGguf {
        private final String modelType;
        /** Layers of the largest model, whose scores are scaled by another number. */
        private final int largest;

        private Gemma(String modelType, int largest, Map<String, String> own) {
            super(SANDWICH_NORM, own);
            this.modelType = modelType;
            this.largest = largest;
        }

        @Override
        public ObjectNode config(GgufFile file) {
            GgufConfig config = common(file, modelType);
            double scalar = config.whole("block_count") == largest
                    ? (double) config.whole("embedding_length") / config.whole(QUERY_HEADS)
                    : config.whole(HEAD_SIZE);
            caps(config);
            return config.copy("sliding_window", WINDOW)
                    .copyIfThere("sliding_window_pattern", "attention.sliding_window_pattern")
                    .copyIfThere("rope_local_base_freq", "rope.freq_base_swa")
                    .put("query_pre_attn_scalar", DoubleNode.valueOf(scalar))
                    .put("hidden_activation", TextNode.valueOf("gelu_pytorch_tanh"))
                    .finish();
        }

        abstract void caps(GgufConfig config);

        @Override
        public float offset(String name) {
            return name.endsWith("norm.weight") ? 1 : 0;
        }
    }

    static final class Gemma2 extends Gemma {
        static final int LARGEST = 46;

        Gemma2() {
            super("gemma2", LARGEST, Map.of());
        }

        /** A file that does not say means the family's own. */
        @Override
        void caps(GgufConfig config) {
            config.put(SCORE_CAP, DoubleNode.valueOf(50))
                    .put(LOGIT_CAP, DoubleNode.valueOf(30))
                    .copyIfThere(SCORE_CAP, SCORE_CAP)
                    .copyIfThere(LOGIT_CAP, LOGIT_CAP);
        }
    }

    static final class Gemma3 extends Gemma {
        static final int LARGEST = 62;

        Gemma3() {
            super("gemma3_text", LARGEST, HEAD_NORM);
        }

        @Override
        void caps(GgufConfig config) {
            config.copyIfThere(LOGIT_CAP, LOGIT_CAP);
        }
    }
}
