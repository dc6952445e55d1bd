package org.attune.peft.bottleneck;

import java.util.List;

/**
 * What every bottleneck adapter may be told.
 *
 * @param reductionFactor the hidden width divided by that of the middle
 * @param scaling factor of what is added
 * @param learnScaling whether that factor is trained, one an adapter, from {@code scaling} on
 * @param layers their numbers; empty for all
 */
public record Settings(
        double reductionFactor, NonLinearity nonLinearity, double scaling, boolean learnScaling, List<Integer> layers) {
    /** The width of the middle for a hidden width. */
    int middle(int hidden) {
        return Math.max(1, (int) (hidden / reductionFactor));
    }
}
