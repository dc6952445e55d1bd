package org.attune.peft.bottleneck;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Houlsby} may be told.
 *
 * @param reductionFactor the hidden width divided by that of the middle
 * @param nonLinearity in the middle
 * @param scaling factor of what is added
 * @param layers the numbers of the layers to adapt; none for all
 */
public record HoulsbyOptions(
        @Option(value = "the hidden width divided by that of the bottleneck", defaults = "16", min = 0.01)
        double reductionFactor,

        @Option(value = "the function in the middle", defaults = "silu")
        NonLinearity nonLinearity,

        @Option(value = "what is added is multiplied by it", defaults = "1.0")
        double scaling,

        @Option(value = "numbers of the layers to adapt, from 0; empty for all", defaults = "[]", min = 0)
        List<Integer> layers) {
    Settings settings() {
        return new Settings(reductionFactor, nonLinearity, scaling, false, layers);
    }

    static HoulsbyOptions of(Settings s) {
        return new HoulsbyOptions(s.reductionFactor(), s.nonLinearity(), s.scaling(), s.layers());
    }
}
