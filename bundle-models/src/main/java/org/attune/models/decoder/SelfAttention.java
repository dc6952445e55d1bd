package org.attune.models.decoder;

import org.attune.model.Forward;
import org.attune.model.TokenBatch;
import org.attune.models.ModelConfig;
import org.attune.models.Modules;
import org.attune.models.decoder.DecoderStack.Queries;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;

/**
 * Causal attention with rotary positions and grouped query heads (Ainslie et al. 2023, arXiv 2305.13245):
 *
 * <pre>{@code o_proj(attention(rotary(q_proj(x)), rotary(k_proj(x)), v_proj(x)))}</pre>
 *
 * @param heads query heads (num_attention_heads)
 * @param keyHeads key and value heads (num_key_value_heads); divides heads
 * @param headSize (head_dim, else hidden / heads)
 * @param scale factor of the scores
 * @param softCap of the scores; 0 for none
 * @param inputBiases whether the maps to queries, keys and values have one
 * @param outputBias whether the map of the result has one
 * @param headNorm of each head of queries and keys before they are turned (q_norm, k_norm); null for none
 */
record SelfAttention(
        int heads,
        int keyHeads,
        int headSize,
        double scale,
        double softCap,
        boolean inputBiases,
        boolean outputBias,
        RmsNorm headNorm) {

    private static final int MAX_HEADS = 4096;
    private static final int MAX_HEAD_SIZE = 4096;

    /** With 1 / sqrt(headSize) as scale, without soft cap and head norm. */
    static SelfAttention of(ModelConfig config, boolean inputBiases, boolean outputBias) {
        config.warnOfDropout("attention_dropout", "attention probabilities");
        int hidden = config.size("hidden_size");
        int heads = config.size("num_attention_heads");
        int keyHeads = config.size("num_key_value_heads", heads);
        if (!config.has("head_dim") && hidden % heads != 0) {
            throw config.invalid("num_attention_heads", "a divisor of hidden_size, " + hidden);
        }
        if (heads % keyHeads != 0) {
            throw config.invalid("num_key_value_heads", "a divisor of num_attention_heads, " + heads);
        }
        int headSize = config.size("head_dim", hidden / heads);
        if (headSize > MAX_HEAD_SIZE || heads > MAX_HEADS) {
            throw config.invalid(
                    headSize > MAX_HEAD_SIZE && config.has("head_dim") ? "head_dim" : "num_attention_heads",
                    "at most " + MAX_HEADS + " heads of at most " + MAX_HEAD_SIZE);
        }
        return new SelfAttention(heads, keyHeads, headSize, 1 / Math.sqrt(headSize), 0, inputBiases, outputBias, null);
    }

    SelfAttention withHeadNorm(RmsNorm norm) {
        return new SelfAttention(heads, keyHeads, headSize, scale, softCap, inputBiases, outputBias, norm);
    }

    SelfAttention withScores(double factor, double cap) {
        return new SelfAttention(heads, keyHeads, headSize, factor, cap, inputBiases, outputBias, headNorm);
    }

    /** Of all tokens of a batch to those in their sequence that they see. */
    AttentionLayout layout(TokenBatch batch, int window) {
        return new AttentionLayout(
                batch.offsets(), batch.offsets(), heads, keyHeads, headSize, scale, true, window, softCap);
    }

    void addTo(Modules modules, String layer, int hidden) {
        String path = layer + ".self_attn";
        modules.linear(path + ".q_proj", hidden, heads * headSize, inputBiases)
                .linear(path + ".k_proj", hidden, keyHeads * headSize, inputBiases)
                .linear(path + ".v_proj", hidden, keyHeads * headSize, inputBiases)
                .attention(path, keyHeads, headSize)
                .linear(path + ".o_proj", heads * headSize, hidden, outputBias);
        if (headNorm != null) {
            headNorm.addTo(modules, path + ".q_norm", headSize);
            headNorm.addTo(modules, path + ".k_norm", headSize);
        }
    }

    /**
     * @param x all tokens' states [tokens, hidden]
     * @param angles of all tokens
     * @return of the queries
     */
    Tensor apply(Forward forward, String layer, Tensor x, Queries queries, Rotary.Angles angles) {
        String path = layer + ".self_attn";
        Tensor query = normed(forward, path + ".q_norm", forward.linear(path + ".q_proj", queries.of(x)));
        Tensor key = normed(forward, path + ".k_norm", forward.linear(path + ".k_proj", x));
        Tensor value = forward.linear(path + ".v_proj", x);
        Tensor context = forward.attention(
                path, x, angles.of(queries.rows()).turn(query), angles.turn(key), value, queries.attention());
        return forward.linear(path + ".o_proj", context);
    }

    private Tensor normed(Forward forward, String path, Tensor x) {
        if (headNorm == null) {
            return x;
        }
        int rows = x.shape().dim(0);
        int width = x.shape().dim(1);
        return headNorm.apply(forward, path, x.reshape(rows * (width / headSize), headSize))
                .reshape(rows, width);
    }
}
