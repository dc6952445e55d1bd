package org.attune.peft.freezing;

import org.attune.plugin.Option;

/**
 * What {@link GradualFreezing} may be told.
 *
 * @param rule which decides
 * @param intervals of the automatic rule
 * @param percentile of the automatic rule
 * @param first of the fixed rule
 */
public record GradualFreezingOptions(
        @Option(
                value = "what decides: how much gradients still change (auto), or the step alone (fixed)",
                defaults = "auto")
        Rule rule,

        @Option(
                value = "of the rule auto: a decision after each of so many equal parts of the trial",
                defaults = "20",
                min = 2)
        int intervals,

        @Option(
                value =
                        "of the rule auto: layers freeze up to the first whose gradients change as much as this percentile",
                defaults = "50",
                min = 0,
                max = 100)
        double percentile,

        @Option(
                value =
                        "of the rule fixed: t in (t + (1 - t) l / L)^3, the share of the trial after which layer l of L freezes",
                defaults = "0.5",
                min = 0,
                max = 1)
        double first) {
    /** What decides which layers freeze. */
    public enum Rule {
        /** AutoFreeze's. */
        AUTO,
        /** FreezeOut's cubic times. */
        FIXED
    }
}
