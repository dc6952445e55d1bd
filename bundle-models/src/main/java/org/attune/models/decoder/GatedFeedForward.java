package org.attune.models.decoder;

import org.attune.model.Forward;
import org.attune.models.Activations;
import org.attune.models.ModelConfig;
import org.attune.models.Modules;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Unary;

/**
 * {@code down_proj(activation(gate_proj(x)) up_proj(x))} (Shazeer 2020, arXiv 2002.05202).
 *
 * @param inner its width (intermediate_size)
 * @param biases whether the three maps have one
 */
record GatedFeedForward(int inner, Unary activation, boolean biases) {
    /** @param activation the key that names the function of the gate */
    static GatedFeedForward of(ModelConfig config, String activation, boolean biases) {
        return new GatedFeedForward(config.size("intermediate_size"), Activations.of(config, activation), biases);
    }

    void addTo(Modules modules, String layer, int hidden) {
        modules.linear(layer + ".mlp.gate_proj", hidden, inner, biases)
                .linear(layer + ".mlp.up_proj", hidden, inner, biases)
                .linear(layer + ".mlp.down_proj", inner, hidden, biases);
    }

    Tensor apply(Forward forward, String layer, Tensor x) {
        Tensor gate = forward.linear(layer + ".mlp.gate_proj", x);
        Tensor up = forward.linear(layer + ".mlp.up_proj", x);
        return forward.linear(layer + ".mlp.down_proj", gate.gated(activation, up));
    }
}
