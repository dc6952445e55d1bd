package org.attune.eval.metrics;

import org.attune.plugin.Option;

/**
 * What {@link Kappa} may be told.
 *
 * @param weights of disagreements
 */
public record KappaOptions(
        @Option(
                value =
                        "how much a disagreement counts: each the same (none), by the distance of the classes in the order of "
                                + "the labels (linear), or by its square (quadratic)",
                defaults = "none")
        Weights weights) {

    /** How much it counts that class i is taken for class j. */
    public enum Weights {
        /** 1. */
        NONE,
        /** |i - j|. */
        LINEAR,
        /** (i - j)&sup2;. */
        QUADRATIC;

        double of(int i, int j) {
            int distance = Math.abs(i - j);
            return switch (this) {
                case NONE -> Math.min(1, distance);
                case LINEAR -> distance;
                case QUADRATIC -> (double) distance * distance;
            };
        }
    }
}
