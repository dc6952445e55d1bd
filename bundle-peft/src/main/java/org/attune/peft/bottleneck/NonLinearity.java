package org.attune.peft.bottleneck;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import org.attune.tensor.engine.Unary;

/** The function in the middle of a bottleneck. */
public enum NonLinearity {
    RELU(Unary.RELU),
    /** With the exact normal distribution function. */
    GELU(Unary.GELU),
    /** Also called swish. */
    SILU(Unary.SILU),
    TANH(Unary.TANH);

    private final Unary function;

    NonLinearity(Unary function) {
        this.function = function;
    }

    Unary function() {
        return function;
    }

    /** As configurations call it. */
    String written() {
        return name().toLowerCase(Locale.ROOT);
    }

    static Optional<NonLinearity> named(Object name) {
        return Arrays.stream(values()).filter(f -> f.written().equals(name)).findFirst();
    }
}
