package org.attune.kernel.optim;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiFunction;
import org.attune.kernel.spec.Optimizer;
import org.attune.tensor.Gradients;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.OptimizerGroup;

/**
 * Updates named parameters by an {@link UpdateRule}. The moments, or whatever else the rule remembers, belong to the name, not to the
 * tensor, so that a parameter which is bound anew keeps them. A parameter that is no longer among those of a step loses its moments;
 * one that is new begins with its own first step. Not thread-safe.
 */
public final class Updater implements AutoCloseable {
    private final Optimizer settings;
    private final UpdateRule rule;
    private final Parallel parallel;
    private final Map<String, Tensor> moments = new LinkedHashMap<>();
    /** Of the parameters that the moments are for. */
    private final Map<String, Shape> known = new LinkedHashMap<>();
    /** Steps done before a parameter's first; none where that is 0. */
    private final Map<String, Long> begun = new TreeMap<>();

    private long steps;

    /** @param parallel shares out the update of many parameters */
    public Updater(Optimizer settings, Parallel parallel) {
        this.settings = settings;
        this.rule = UpdateRule.of(settings);
        this.parallel = parallel;
    }

    /** Updates every parameter in place, all by the settings alone. */
    public void step(Map<String, Tensor> parameters, Gradients gradients, double multiplier) {
        Pace pace = new Pace(multiplier, OptionalDouble.empty());
        step(parameters, gradients, pace, (name, shape) -> OptimizerGroup.PLAIN);
    }

    /**
     * Updates every parameter in place.
     *
     * @param groups how each parameter is optimised, by name and shape
     * @throws IllegalArgumentException if a gradient is missing, or a shape is not that of the steps before
     */
    public void step(
            Map<String, Tensor> parameters,
            Gradients gradients,
            Pace pace,
            BiFunction<String, Shape, OptimizerGroup> groups) {
        parameters.values().forEach(gradients::of); // a missing one fails before anything has changed
        bind(parameters);
        steps++;
        List<Tensor> all = List.copyOf(parameters.values());
        List<UpdateRule.Step> own = new ArrayList<>();
        List<List<Tensor>> remembered = new ArrayList<>();
        parameters.forEach((name, p) -> {
            own.add(step(name, groups.apply(name, p.shape()), pace));
            remembered.add(rule.memory(p.shape()).keySet().stream()
                    .map(kind -> moments.get(kind + "." + name))
                    .toList());
        });
        List<Piece> pieces = rule.cut(all);
        parallel.each(pieces.size(), i -> {
            Piece piece = pieces.get(i);
            Tensor p = all.get(piece.tensor());
            rule.update(own.get(piece.tensor()), piece, p, gradients.of(p), remembered.get(piece.tensor()));
        });
    }

    private UpdateRule.Step step(String name, OptimizerGroup group, Pace pace) {
        return new UpdateRule.Step(
                settings.lr() * pace.multiplier() * group.rate(),
                group.weightDecay().orElse(settings.weightDecay()),
                steps - begun.getOrDefault(name, 0L),
                pace.momentum());
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
     * The live moments of {@code parameters}, with AdamW by {@code exp_avg.NAME} and {@code exp_avg_sq.NAME}: a checkpoint writes them
     * and loads into them. Zero before the first step.
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

    /** Drops the moments of parameters: others of these names, of other shapes perhaps, begin with their own first step. */
    public void forget(Set<String> names) {
        for (String name : names) {
            Shape shape = known.remove(name);
            if (shape != null) {
                rule.memory(shape)
                        .keySet()
                        .forEach(kind -> moments.remove(kind + "." + name).close());
            }
            begun.remove(name);
        }
    }

    /** Frees the moments. */
    @Override
    public void close() {
        moments.values().forEach(Tensor::close);
        moments.clear();
        known.clear();
    }

    private void bind(Map<String, Tensor> parameters) {
        parameters.forEach((name, p) -> {
            Shape before = known.get(name);
            if (before != null && !p.shape().equals(before)) {
                throw new IllegalArgumentException(
                        "parameter " + name + " " + p.shape() + ": the optimiser knows it as " + before);
            }
        });
        Set<String> gone = new TreeSet<>(known.keySet());
        gone.removeAll(parameters.keySet());
        forget(gone);
        parameters.forEach((name, p) -> {
            if (known.putIfAbsent(name, p.shape()) == null) {
                rule.memory(p.shape())
                        .forEach((kind, shape) -> moments.put(kind + "." + name, Tensor.zeros(p.engine(), shape)));
                if (steps > 0) {
                    begun.putIfAbsent(name, steps);
                }
            }
        });
        begun.keySet().removeIf(name -> !parameters.containsKey(name));
    }
}
