package org.attune.peft;

import org.attune.plugin.Option;

/**
 * What {@link Eva} may be told; the names are those of PEFT's {@code EvaConfig}.
 *
 * @param rho the highest rank of a map over the rank that it was given
 * @param tau how near components of one batch are to those of the next when a search ends
 * @param whiten divide components by the roots of their singular values
 * @param adjustScalingFactors keep the scale of each map as it was with the rank that it was given
 */
public record EvaOptions(
        @Option(
                value = "with init eva: the highest rank of a map as a multiple of rank; at 1 all ranks stay",
                defaults = "2.0",
                min = 1)
        double rho,

        @Option(
                value = "with init eva: batches are read until components stay, by their cosine from one to the next",
                defaults = "0.99",
                min = 0,
                max = 1)
        double tau,

        @Option(value = "with init eva: divide components by the roots of their singular values", defaults = "false")
        boolean whiten,

        @Option(
                value = "with init eva: change alpha with the rank of a map, so that its scale stays",
                defaults = "true")
        boolean adjustScalingFactors) {
    /** PEFT's. */
    static final EvaOptions DEFAULT = new EvaOptions(2, 0.99, false, true);
}
