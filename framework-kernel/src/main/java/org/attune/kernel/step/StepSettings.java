package org.attune.kernel.step;

import java.util.Optional;
import org.attune.tensor.DType;

/**
 * How a step is computed.
 *
 * @param lanes into so many parts a batch is dealt, of which each is summed by itself; results depend on it, and not on threads
 * @param microTokens about so many tokens are computed at once
 * @param precision of activations; empty for the engine's own type
 * @param checkpointing compute the inside of stages again for the gradient rather than keep it
 * @param seed of dropout
 */
public record StepSettings(int lanes, int microTokens, Optional<DType> precision, boolean checkpointing, long seed) {
    /** In the engine's own type, without checkpointing. */
    public StepSettings(int lanes, int microTokens, long seed) {
        this(lanes, microTokens, Optional.empty(), false, seed);
    }
}
