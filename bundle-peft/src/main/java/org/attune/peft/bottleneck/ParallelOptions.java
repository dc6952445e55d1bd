package org.attune.peft.bottleneck;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Parallel} may be told.
 *
 * @param reductionFactor the hidden width divided by that of the middle
 * @param nonLinearity in the middle
 * @param scaling factor of what is added
 * @param learnScaling whether that factor is trained
 * @param layers the numbers of the layers to adapt; none for all
 */
public record ParallelOptions(
        @Option(value = "the hidden width divided by that of the bottleneck", defaults = "2", min = 0.01)
        double reductionFactor,

        @Option(value = "the function in the middle", defaults = "relu")
        NonLinearity nonLinearity,

        @Option(value = "what is added is multiplied by it", defaults = "4.0")
        double scaling,

        @Option(value = "train that factor too, one in each layer, from scaling on", defaults = "false")
        boolean learnScaling,

        @Option(value = "numbers of the layers to adapt, from 0; empty for all", defaults = "[]", min = 0)
        List<Integer> layers) {
    Settings settings() {
        return new Settings(reductionFactor, nonLinearity, scaling, learnScaling, layers);
    }

    static ParallelOptions of(Settings s) {
        return new ParallelOptions(s.reductionFactor(), s.nonLinearity(), s.scaling(), s.learnScaling(), s.layers());
    }
}
