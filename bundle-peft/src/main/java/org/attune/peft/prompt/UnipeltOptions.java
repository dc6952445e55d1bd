package org.attune.peft.prompt;

import java.util.List;
import org.attune.peft.bottleneck.NonLinearity;
import org.attune.peft.bottleneck.Settings;
import org.attune.plugin.Option;

/**
 * What {@link Unipelt} may be told.
 *
 * @param length of the prefix
 * @param rank of the low-rank updates
 * @param targets the linear maps that have one
 * @param reductionFactor of the adapters: the hidden width divided by that of the middle
 * @param nonLinearity in the middle of the adapters
 * @param scaling factor of what the adapters add
 * @param padded whether a gate's mean goes over padding too
 */
public record UnipeltOptions(
        @Option(value = "keys and values before each text", defaults = "10", min = 1)
        int length,

        @Option(value = "rank of the low-rank updates", defaults = "8", min = 1)
        int rank,

        @Option(
                value = "linear maps that have one: path suffixes, or one regular expression",
                defaults = "[queries, values]")
        List<String> targets,

        @Option(value = "the hidden width divided by that of an adapter's bottleneck", defaults = "16", min = 0.01)
        double reductionFactor,

        @Option(value = "the function in the middle of an adapter", defaults = "relu")
        NonLinearity nonLinearity,

        @Option(value = "what an adapter adds is multiplied by it", defaults = "1.0")
        double scaling,

        @Option(
                value =
                        "whether a gate's mean goes over the padding up to the longest text of its batch too, as AdapterHub's",
                defaults = "false")
        boolean padded) {
    Settings adapters() {
        return new Settings(reductionFactor, nonLinearity, scaling, false, List.of());
    }
}
