package org.attune.models.bert;

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

    /** Paths within a layer: of the linear maps, the normalisations, and the places of the dropouts. */
    record Names(
            String query,
            String key,
            String value,
            String context,
            String contextDropout,
            String contextNorm,
            String inner,
            String output,
            String outputDropout,
            String outputNorm) {}

    void addTo(Modules modules, String layer) {
        modules.linear(layer + names.query, hidden, hidden, true)
                .linear(layer + names.key, hidden, hidden, true)
                .linear(layer + names.value, hidden, hidden, true)
                .linear(layer + names.context, hidden, hidden, true)
                .layerNorm(layer + names.contextNorm, hidden)
                .linear(layer + names.inner, hidden, intermediate, true)
                .linear(layer + names.output, intermediate, hidden, true)
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
        Tensor context = forward.linear(layer + names.context, query.attention(key, value, layout));
        Tensor dropped = forward.dropout(layer + names.contextDropout, context, attentionDropout);
        Tensor attended = forward.layerNorm(layer + names.contextNorm, dropped.add(own), eps);
        Tensor inner = forward.linear(layer + names.inner, attended).apply(activation);
        Tensor out = forward.linear(layer + names.output, inner);
        Tensor kept = forward.dropout(layer + names.outputDropout, out, outputDropout);
        return forward.block(layer, forward.layerNorm(layer + names.outputNorm, kept.add(attended), eps));
    }
}
