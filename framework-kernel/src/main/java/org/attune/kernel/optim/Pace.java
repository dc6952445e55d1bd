package org.attune.kernel.optim;

import java.util.OptionalDouble;

/**
 * How the optimiser takes a step.
 *
 * @param multiplier of the learning rate
 * @param momentum in place of the optimiser's own, Adam's {@code beta1} for one; empty for its own
 */
public record Pace(double multiplier, OptionalDouble momentum) {
    /** At the peak learning rate. */
    public static final Pace PEAK = new Pace(1, OptionalDouble.empty());
}
