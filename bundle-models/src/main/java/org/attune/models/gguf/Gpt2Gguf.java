package org.attune.models.gguf;

import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.Map;

/** GPT-2. Files do not tell its dropout: there is none. */
final class Gpt2Gguf implements GgufArchitecture {
    private static final TensorNames NAMES = new TensorNames(
            "transformer.h",
            Map.of(
                    "attn_norm", "ln_1",
                    "attn_qkv", "attn.c_attn",
                    "attn_output", "attn.c_proj",
                    "ffn_norm", "ln_2",
                    "ffn_up", "mlp.c_fc",
                    "ffn_down", "mlp.c_proj"),
            Map.of(
                    "token_embd", "transformer.wte",
                    "position_embd", "transformer.wpe",
                    "output_norm", "transformer.ln_f",
                    "output", "lm_head"));

    @Override
    public TensorNames names() {
        return NAMES;
    }

    @Override
    public ObjectNode config(GgufFile file) {
        return new GgufConfig(file, "gpt2")
                .copy("n_layer", "block_count")
                .copy("n_positions", "context_length")
                .copy("n_embd", "embedding_length")
                .copy("n_inner", "feed_forward_length")
                .copy("n_head", "attention.head_count")
                .copy("layer_norm_epsilon", "attention.layer_norm_epsilon")
                .put("activation_function", TextNode.valueOf("gelu_new"))
                .put("embd_pdrop", DoubleNode.valueOf(0))
                .put("resid_pdrop", DoubleNode.valueOf(0))
                .finish();
    }
}
