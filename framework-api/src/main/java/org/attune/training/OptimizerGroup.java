package org.attune.training;

import java.util.OptionalDouble;

/**
 * How a parameter is optimised other than the trial says.
 *
 * @param rate the learning rate is multiplied by it
 * @param weightDecay in place of the trial's
 */
public record OptimizerGroup(double rate, OptionalDouble weightDecay) {
    /** As the trial says. */
    public static final OptimizerGroup PLAIN = rate(1);

    /** Another learning rate. */
    public static OptimizerGroup rate(double rate) {
        return new OptimizerGroup(rate, OptionalDouble.empty());
    }

    /** This one without weight decay. */
    public OptimizerGroup undecayed() {
        return new OptimizerGroup(rate, OptionalDouble.of(0));
    }
}
