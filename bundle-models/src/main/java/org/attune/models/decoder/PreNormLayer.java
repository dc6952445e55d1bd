package org.attune.models.decoder;

import org.attune.model.Forward;
import org.attune.models.Modules;
import org.attune.models.decoder.DecoderStack.Queries;
import org.attune.tensor.Tensor;

/**
 * Llama's layer, a norm before each half:
 *
 * <pre>{@code
 * h = x + attention(input_layernorm(x))
 * y = h + feedForward(post_attention_layernorm(h))
 * }</pre>
 */
record PreNormLayer(SelfAttention attention, GatedFeedForward feedForward, RmsNorm norm) implements DecoderLayer {
    @Override
    public void addTo(Modules modules, String layer, int hidden) {
        norm.addTo(modules, layer + ".input_layernorm", hidden);
        attention.addTo(modules, layer, hidden);
        norm.addTo(modules, layer + ".post_attention_layernorm", hidden);
        feedForward.addTo(modules, layer, hidden);
    }

    @Override
    public Tensor apply(Forward forward, String layer, Tensor x, Queries queries, Rotary.Angles angles) {
        Tensor normal = norm.apply(forward, layer + ".input_layernorm", x);
        Tensor attended = queries.of(x).add(attention.apply(forward, layer, normal, queries, angles));
        Tensor middle = norm.apply(forward, layer + ".post_attention_layernorm", attended);
        return attended.add(feedForward.apply(forward, layer, middle));
    }
}
