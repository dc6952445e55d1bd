package org.attune.kernel.optim;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.attune.kernel.spec.TrialSpec.Optimizer;
import org.attune.tensor.Gradients;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AdamStep;
import org.attune.training.OptimizerGroup;

/**
 * AdamW (Loshchilov and Hutter 2019) over named parameters, as PyTorch computes it. The moments belong to the name, not to the
 * tensor, so that a parameter which is bound anew keeps them. A parameter that is no longer among those of a step loses its moments;
 * one that is new begins with its own first step. Not thread-safe.
 */
public final class AdamW implements AutoCloseable {
    private static final String FIRST = "exp_avg.";
    private static final String SECOND = "exp_avg_sq.";

    private final Optimizer settings;
    private final Parallel parallel;
    private final Map<String, Tensor> moments = new LinkedHashMap<>();
    /** Steps done before a parameter's first; none where that is 0. */
    private final Map<String, Long> begun = new TreeMap<>();

    private long steps;

    /** @param parallel shares out the update of many parameters */
    public AdamW(Optimizer settings, Parallel parallel) {
        this.settings = settings;
        this.parallel = parallel;
    }

    /** Updates every parameter in place, all by the settings alone. */
    public void step(Map<String, Tensor> parameters, Gradients gradients, double multiplier) {
        step(parameters, gradients, multiplier, (name, shape) -> OptimizerGroup.PLAIN);
    }

    /**
     * Updates every parameter in place.
     *
     * @param multiplier of the learning rate, from {@link LearningRate#multiplier}
     * @param groups how each parameter is optimised, by name and shape
     * @throws IllegalArgumentException if a gradient is missing, or a shape is not that of the steps before
     */
    public void step(
            Map<String, Tensor> parameters,
            Gradients gradients,
            double multiplier,
            BiFunction<String, Shape, OptimizerGroup> groups) {
        parameters.values().forEach(gradients::of); // a missing one fails before anything has changed
        bind(parameters);
        steps++;
        List<String> names = List.copyOf(parameters.keySet());
        List<Tensor> all = List.copyOf(parameters.values());
        List<AdamStep> own = new ArrayList<>();
        parameters.forEach((name, p) -> own.add(step(name, groups.apply(name, p.shape()), multiplier)));
        List<Piece> pieces = Piece.cut(all);
        parallel.each(pieces.size(), i -> {
            Piece piece = pieces.get(i);
            Tensor p = all.get(piece.tensor());
            String name = names.get(piece.tensor());
            p.engine()
                    .adam(
                            own.get(piece.tensor()),
                            piece.of(p),
                            piece.of(gradients.of(p)),
                            piece.of(moments.get(FIRST + name)),
                            piece.of(moments.get(SECOND + name)));
        });
    }

    private AdamStep step(String name, OptimizerGroup group, double multiplier) {
        return new AdamStep(
                settings.lr() * multiplier * group.rate(),
                settings.beta1(),
                settings.beta2(),
                settings.eps(),
                group.weightDecay().orElse(settings.weightDecay()),
                steps - begun.getOrDefault(name, 0L));
    }

    /** Steps done; t of the last one. */
    public long steps() {
        return steps;
    }

    /** By name, the steps that were done before a parameter's first one; without those where that is 0. */
    public Map<String, Long> begun() {
        return Collections.unmodifiableMap(begun);
    }

    /**
     * The live moments of {@code parameters}, by {@code exp_avg.NAME} and {@code exp_avg_sq.NAME}: a checkpoint writes them and
     * loads into them. Zero before the first step.
     */
    public Map<String, Tensor> moments(Map<String, Tensor> parameters) {
        bind(parameters);
        return Collections.unmodifiableMap(moments);
    }

    /**
     * Goes on after {@code steps} steps, whose moments are to be loaded into {@link #moments(Map)}.
     *
     * @param before what {@link #begun} gave
     */
    public void resume(long steps, Map<String, Long> before) {
        this.steps = steps;
        begun.clear();
        begun.putAll(before);
    }

    /** Frees the moments. */
    @Override
    public void close() {
        moments.values().forEach(Tensor::close);
        moments.clear();
    }

    private void bind(Map<String, Tensor> parameters) {
        parameters.forEach((name, p) -> {
            Tensor first = moments.get(FIRST + name);
            if (first != null && !p.shape().equals(first.shape())) {
                throw new IllegalArgumentException(
                        "parameter " + name + " " + p.shape() + ": the optimiser knows it as " + first.shape());
            }
        });
        Set<String> gone = new LinkedHashSet<>(moments.keySet());
        parameters.forEach((name, p) -> {
            boolean known = gone.remove(FIRST + name) && gone.remove(SECOND + name);
            if (!known) {
                moments.put(FIRST + name, Tensor.zeros(p.engine(), p.shape()));
                moments.put(SECOND + name, Tensor.zeros(p.engine(), p.shape()));
                if (steps > 0) {
                    begun.putIfAbsent(name, steps);
                }
            }
        });
        gone.forEach(name -> moments.remove(name).close());
        begun.keySet().removeIf(name -> !parameters.containsKey(name));
    }
}
