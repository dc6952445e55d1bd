package org.attune.peft.prompt;

import java.util.List;
import org.attune.peft.bottleneck.NonLinearity;
import org.attune.peft.bottleneck.Settings;
import org.attune.plugin.Option;

/**
 * What {@link Mam} may be told.
 *
 * @param length of the prefix
 * @param hidden width between the maps that compute it
 * @param reductionFactor of the adapters: the hidden width divided by that of the middle
 * @param nonLinearity in the middle of the adapters
 * @param scaling factor of what the adapters add
 * @param layers the numbers of the layers that have an adapter; none for all
 */
public record MamOptions(
        @Option(value = "keys and values before each text", defaults = "30", min = 1)
        int length,

        @Option(value = "width between the two maps that compute the prefix", defaults = "512", min = 1)
        int hidden,

        @Option(value = "the hidden width divided by that of an adapter's bottleneck", defaults = "2", min = 0.01)
        double reductionFactor,

        @Option(value = "the function in the middle of an adapter", defaults = "relu")
        NonLinearity nonLinearity,

        @Option(value = "what an adapter adds is multiplied by it", defaults = "4.0")
        double scaling,

        @Option(value = "numbers of the layers that have an adapter, from 0; empty for all", defaults = "[]", min = 0)
        List<Integer> layers) {
    Settings adapters() {
        return new Settings(reductionFactor, nonLinearity, scaling, false, layers);
    }
}
