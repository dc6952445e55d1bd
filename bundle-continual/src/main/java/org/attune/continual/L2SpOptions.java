package org.attune.continual;

import org.attune.plugin.Option;

/**
 * What {@link L2Sp} may be told.
 *
 * @param alpha weight of the distance to the start
 * @param beta weight of the size of new parameters
 */
public record L2SpOptions(
        @Option(
                value = "strength of the pull of the base model's trained weights to their pretrained values",
                defaults = "0.01",
                min = 0)
        double alpha,

        @Option(value = "strength of the pull of new parameters, such as a head, to zero", defaults = "0.01", min = 0)
        double beta) {}
