package org.attune.peft.freezing;

import org.attune.plugin.Option;

/**
 * What {@link GradualUnfreezing} may be told.
 *
 * @param every steps from one group to the next
 * @param rateDecay the learning rate of a group over that of the group below
 */
public record GradualUnfreezingOptions(
        @Option(
                value =
                        "steps from one group of layers to the next, below 1 a share of all; 0 for an epoch, or less where the trial"
                                + " has fewer epochs than groups",
                defaults = "0",
                min = 0)
        double every,

        @Option(
                value = "each group's learning rate is that of the group above divided by this",
                defaults = "2.6",
                min = 1)
        double rateDecay) {}
