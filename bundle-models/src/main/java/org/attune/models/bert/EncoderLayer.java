package org.attune.models.bert;

import java.util.function.UnaryOperator;
import org.attune.model.Forward;
import org.attune.models.Modules;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Unary;

/**
 * The layer of BERT and its kin, normalised after each residual:
 *
 * <pre>{@code
 * h = LayerNorm(x + dropout(dense(attention(x))))
 * y = LayerNorm(h + dropout(dense(activation(dense(h)))))
 * }</pre>
 *
 * @param names of its modules
 * @param hidden width of the hidden states
 * @param heads divides hidden
 * @param intermediate width inside the feed-forward block
 * @param eps of the normalisations
 * @param attentionDropout after the attention's output map
 * @param outputDropout after the feed-forward block
 */
record EncoderLayer(
        Names names,
        int hidden,
        int heads,
        int intermediate,
        double eps,
        Unary activation,
        double attentionDropout,
        double outputDropout) {

    /** Paths within a layer: of the linear maps, the normalisations, the sums, and the places of the dropouts. */
    record Names(
            String query,
            String key,
            String value,
            String attention,
            String context,
            String contextDropout,
            String contextSum,
            String contextNorm,
            String inner,
            String output,
            String outputDropout,
            String outputSum,
            String outputNorm) {}

    void addTo(Modules modules, String layer) {
        modules.linear(layer + names.query, hidden, hidden, true)
                .linear(layer + names.key, hidden, hidden, true)
                .linear(layer + names.value, hidden, hidden, true)
                .attention(layer + names.attention, heads, hidden / heads)
                .linear(layer + names.context, hidden, hidden, true)
                .attentionResidual(layer + names.contextSum, hidden)
                .layerNorm(layer + names.contextNorm, hidden)
                .linear(layer + names.inner, hidden, intermediate, true)
                .linear(layer + names.output, intermediate, hidden, true)
                .feedForwardResidual(layer + names.outputSum, hidden)
                .layerNorm(layer + names.outputNorm, hidden)
                .block(layer, hidden);
    }

    /**
     * @param x the layer's input, which keys and values are made of
     * @param own its rows that have an output
     * @param layout of those rows and all
     */
    Tensor apply(Forward forward, String layer, Tensor x, Tensor own, AttentionLayout layout) {
        Tensor query = forward.linear(layer + names.query, own);
        Tensor key = forward.linear(layer + names.key, x);
        Tensor value = forward.linear(layer + names.value, x);
        Tensor seen = forward.attention(layer + names.attention, x, query, key, value, layout);
        Tensor context = forward.linear(layer + names.context, seen);
        Tensor dropped = forward.dropout(layer + names.contextDropout, context, attentionDropout);
        Tensor attended = normedSum(forward, layer + names.contextSum, layer + names.contextNorm, own, dropped);
        Tensor inner = forward.linear(layer + names.inner, attended).apply(activation);
        Tensor out = forward.linear(layer + names.output, inner);
        Tensor kept = forward.dropout(layer + names.outputDropout, out, outputDropout);
        return forward.block(
                layer, normedSum(forward, layer + names.outputSum, layer + names.outputNorm, attended, kept));
    }

    private Tensor normedSum(Forward forward, String sum, String norm, Tensor x, Tensor z) {
        UnaryOperator<Tensor> normed = y -> forward.layerNorm(norm, y, eps);
        return normed.apply(forward.residual(sum, x, z, normed));
    }
}
