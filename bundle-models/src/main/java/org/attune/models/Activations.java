package org.attune.models;

import java.util.Map;
import java.util.TreeMap;
import org.attune.tensor.engine.Unary;

/** Activation functions by the names that Hugging Face's configurations give them. */
public final class Activations {
    private static final Map<String, Unary> BY_NAME = new TreeMap<>(Map.of(
            "gelu", Unary.GELU,
            "gelu_new", Unary.GELU_TANH,
            "gelu_pytorch_tanh", Unary.GELU_TANH,
            "relu", Unary.RELU,
            "silu", Unary.SILU,
            "swish", Unary.SILU,
            "tanh", Unary.TANH));

    private Activations() {}

    /**
     * The function that a configuration names under {@code key}.
     *
     * @throws org.attune.plugin.UserError if it is missing, or none that is known
     */
    public static Unary of(ModelConfig config, String key) {
        Unary op = BY_NAME.get(config.text(key));
        if (op == null) {
            throw config.invalid(key, "one of " + String.join(", ", BY_NAME.keySet()));
        }
        return op;
    }
}
