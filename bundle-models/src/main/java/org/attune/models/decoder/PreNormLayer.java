package org.attune.models.decoder;

import java.util.function.UnaryOperator;
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
        modules.attentionResidual(layer + ".self_attn", hidden);
        norm.addTo(modules, layer + ".post_attention_layernorm", hidden);
        feedForward.addTo(modules, layer, hidden);
        modules.feedForwardResidual(layer + ".mlp", hidden);
    }

    @Override
    public Tensor apply(Forward forward, String layer, Tensor x, Queries queries, Rotary.Angles angles) {
        Tensor normal = norm.apply(forward, layer + ".input_layernorm", x);
        Tensor context = attention.apply(forward, layer, normal, queries, angles);
        Tensor attended = forward.residual(layer + ".self_attn", queries.of(x), context, UnaryOperator.identity());
        Tensor middle = norm.apply(forward, layer + ".post_attention_layernorm", attended);
        Tensor out = feedForward.apply(forward, layer, middle);
        return forward.residual(layer + ".mlp", attended, out, UnaryOperator.identity());
    }
}
