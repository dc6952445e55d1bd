package org.attune.peft.bottleneck;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.attune.plugin.Option;
import org.attune.plugin.UserError;

/**
 * What {@link AdapterFusion} may be told. What concerns the adapters below it comes from their folders.
 *
 * @param reductionFactor by name, in the order of the adapters: the hidden width divided by that of the middle
 * @param nonLinearity by name: in the middle
 * @param scaling by name: factor of what an adapter gives
 * @param layers the numbers of the layers that they stand in; none for all
 * @param regularization factor of the penalty on the value matrices
 */
public record AdapterFusionOptions(
        @Option(
                value = "of the trained adapters, by name: the hidden width divided by that of the bottleneck",
                defaults = "{}",
                min = 0.01)
        Map<String, Double> reductionFactor,

        @Option(value = "of the trained adapters, by name: the function in the middle", defaults = "{}")
        Map<String, NonLinearity> nonLinearity,

        @Option(value = "of the trained adapters, by name: what one gives is multiplied by it", defaults = "{}")
        Map<String, Double> scaling,

        @Option(
                value = "numbers of the layers that the trained adapters stand in, from 0; empty for all",
                defaults = "[]",
                min = 0)
        List<Integer> layers,

        @Option(
                value = "the loss grows by this times the squared distance of the value matrices from the identity",
                defaults = "0.01",
                min = 0)
        double regularization) {
    private static final Pattern NAME = Pattern.compile("[\\w-]+");

    public AdapterFusionOptions {
        if (!nonLinearity.keySet().equals(reductionFactor.keySet())
                || !scaling.keySet().equals(reductionFactor.keySet())) {
            throw new UserError("reduction_factor, non_linearity and scaling name different adapters: "
                    + reductionFactor.keySet() + ", " + nonLinearity.keySet() + ", " + scaling.keySet());
        }
        for (String name : reductionFactor.keySet()) {
            if (!NAME.matcher(name).matches()) {
                throw new UserError("an adapter is called '" + name + "'; expected letters, digits, _ and -");
            }
        }
    }

    /** The adapters by name, in order. */
    Map<String, Settings> adapters() {
        Map<String, Settings> adapters = new LinkedHashMap<>();
        reductionFactor.forEach((name, factor) ->
                adapters.put(name, new Settings(factor, nonLinearity.get(name), scaling.get(name), false, layers)));
        return adapters;
    }

    /** @param adapters of the same layers, by name */
    static AdapterFusionOptions of(Map<String, Settings> adapters, double regularization) {
        Map<String, Double> factors = new LinkedHashMap<>();
        Map<String, NonLinearity> functions = new LinkedHashMap<>();
        Map<String, Double> scalings = new LinkedHashMap<>();
        adapters.forEach((name, settings) -> {
            factors.put(name, settings.reductionFactor());
            functions.put(name, settings.nonLinearity());
            scalings.put(name, settings.scaling());
        });
        List<Integer> layers =
                adapters.values().stream().map(Settings::layers).findFirst().orElse(List.of());
        return new AdapterFusionOptions(factors, functions, scalings, layers, regularization);
    }
}
