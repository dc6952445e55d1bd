package org.attune.models.decoder;

import java.util.function.UnaryOperator;
import org.attune.model.Forward;
import org.attune.models.Modules;
import org.attune.models.decoder.DecoderStack.Queries;
import org.attune.tensor.Tensor;

/**
 * Gemma's layer since its second version, a norm before and after each half:
 *
 * <pre>{@code
 * h = x + post_attention_layernorm(attention(input_layernorm(x)))
 * y = h + post_feedforward_layernorm(feedForward(pre_feedforward_layernorm(h)))
 * }</pre>
 */
record SandwichNormLayer(SelfAttention attention, GatedFeedForward feedForward, RmsNorm norm) implements DecoderLayer {
    @Override
    public void addTo(Modules modules, String layer, int hidden) {
        norm.addTo(modules, layer + ".input_layernorm", hidden);
        attention.addTo(modules, layer, hidden);
        norm.addTo(modules, layer + ".post_attention_layernorm", hidden);
        modules.attentionResidual(layer + ".self_attn", hidden);
        norm.addTo(modules, layer + ".pre_feedforward_layernorm", hidden);
        feedForward.addTo(modules, layer, hidden);
        norm.addTo(modules, layer + ".post_feedforward_layernorm", hidden);
        modules.feedForwardResidual(layer + ".mlp", hidden);
    }

    @Override
    public Tensor apply(Forward forward, String layer, Tensor x, Queries queries, Rotary.Angles angles) {
        Tensor normal = norm.apply(forward, layer + ".input_layernorm", x);
        Tensor context = norm.apply(
                forward, layer + ".post_attention_layernorm", attention.apply(forward, layer, normal, queries, angles));
        Tensor attended = forward.residual(layer + ".self_attn", queries.of(x), context, UnaryOperator.identity());
        Tensor middle = norm.apply(forward, layer + ".pre_feedforward_layernorm", attended);
        Tensor out =
                norm.apply(forward, layer + ".post_feedforward_layernorm", feedForward.apply(forward, layer, middle));
        return forward.residual(layer + ".mlp", attended, out, UnaryOperator.identity());
    }
}
