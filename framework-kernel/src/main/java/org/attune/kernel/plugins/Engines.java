package org.attune.kernel.plugins;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.attune.kernel.spec.NearestName;
import org.attune.model.WeightForm;
import org.attune.model.Weights;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.engine.TensorEngine;

/** The tensor engines that are there now. Thread-safe. */
public interface Engines {
    /** The engine that runs anywhere. */
    String REFERENCE = "reference";

    Optional<TensorEngine> find(String name);

    /** The fastest first, as the engines' {@code service.ranking} says. */
    List<TensorEngine> list();

    /**
     * The engine of a name, or the fastest.
     *
     * @param name empty for the fastest
     * @throws UserError if there is none
     */
    default TensorEngine choose(String name) {
        if (!name.isEmpty()) {
            List<String> names =
                    list().stream().map(TensorEngine::name).sorted().toList();
            return find(name)
                    .orElseThrow(() -> new UserError("engine '" + name + "' is not there"
                            + NearestName.question(name, names) + " Engines: " + String.join(", ", names)));
        }
        TensorEngine fastest = list().stream()
                .findFirst()
                .orElseThrow(() -> new UserError(
                        "no tensor engine is there; install bundle-tensor-reference, which runs anywhere"));
        if (fastest.name().equals(REFERENCE)) {
            System.getLogger(Engines.class.getName())
                    .log(
                            System.Logger.Level.WARNING,
                            "no engine with native code works on this machine: the reference engine computes, exactly but"
                                    + " slowly (docs/PLATFORMS.md says which platforms have one)");
        }
        return fastest;
    }

    /**
     * How an engine holds a model.
     *
     * @param asked the type that it computes in; empty for the engine's own
     * @throws UserError if the engine has no such type, or keeps no blocks where that is asked for
     */
    static WeightForm form(TensorEngine engine, Optional<DType> asked, Weights weights) {
        DType precision = asked.orElse(engine.dtype());
        if (!engine.dtypes().contains(precision)) {
            throw new UserError("precision: engine '" + engine.name() + "' has no " + written(precision) + "; it has "
                    + engine.dtypes().stream().sorted().map(Engines::written).collect(Collectors.joining(", ")));
        }
        if (weights != Weights.DECODED && engine.blockTypes().isEmpty()) {
            throw new UserError("weights: engine '" + engine.name() + "' keeps nothing in blocks, as "
                    + weights.written() + " does; choose decoded, or the engine cpu");
        }
        return new WeightForm(precision, weights);
    }

    private static String written(DType type) {
        return type.name().toLowerCase(Locale.ROOT);
    }
}
