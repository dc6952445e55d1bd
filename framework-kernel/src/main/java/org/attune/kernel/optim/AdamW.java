package org.attune.kernel.optim;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.kernel.spec.TrialSpec.Optimizer;
import org.attune.tensor.Gradients;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AdamStep;

/**
 * AdamW (Loshchilov and Hutter 2019) over named parameters, as PyTorch computes it. The moments belong to the name, not to the
 * tensor, so that a parameter which is bound anew keeps them. One step counter serves all, so the set of parameters is fixed
 * when the first step or {@link #moments(Map)} has seen it. Not thread-safe.
 */
public final class AdamW implements AutoCloseable {
    private static final String FIRST = "exp_avg.";
    private static final String SECOND = "exp_avg_sq.";

    private final Optimizer settings;
    private final Parallel parallel;
    private final Map<String, Tensor> moments = new LinkedHashMap<>();
    private long steps;

    /** @param parallel shares out the update of many parameters */
    public AdamW(Optimizer settings, Parallel parallel) {
        this.settings = settings;
        this.parallel = parallel;
    }

    /**
     * Updates every parameter in place.
     *
     * @param multiplier of the learning rate, from {@link LearningRate#multiplier}
     * @throws IllegalArgumentException if a gradient is missing, or the names or shapes are not those of the steps before
     */
    public void step(Map<String, Tensor> parameters, Gradients gradients, double multiplier) {
        bind(parameters);
        parameters.values().forEach(gradients::of); // a missing one fails before anything has changed
        steps++;
        AdamStep step = new AdamStep(
                settings.lr() * multiplier,
                settings.beta1(),
                settings.beta2(),
                settings.eps(),
                settings.weightDecay(),
                steps);
        List<String> names = List.copyOf(parameters.keySet());
        List<Tensor> all = List.copyOf(parameters.values());
        List<Piece> pieces = Piece.cut(all);
        parallel.each(pieces.size(), i -> {
            Piece piece = pieces.get(i);
            Tensor p = all.get(piece.tensor());
            String name = names.get(piece.tensor());
            p.engine()
                    .adam(
                            step,
                            piece.of(p),
                            piece.of(gradients.of(p)),
                            piece.of(moments.get(FIRST + name)),
                            piece.of(moments.get(SECOND + name)));
        });
    }

    /** Steps done; t of the last one. */
    public long steps() {
        return steps;
    }

    /**
     * The live moments of {@code parameters}, by {@code exp_avg.NAME} and {@code exp_avg_sq.NAME}: a checkpoint writes them and
     * loads into them. Zero before the first step.
     */
    public Map<String, Tensor> moments(Map<String, Tensor> parameters) {
        bind(parameters);
        return Collections.unmodifiableMap(moments);
    }

    /** Goes on after {@code steps} steps, whose moments were loaded into {@link #moments(Map)}. */
    public void resume(long steps) {
        this.steps = steps;
    }

    /** Frees the moments. */
    @Override
    public void close() {
        moments.values().forEach(Tensor::close);
        moments.clear();
    }

    private void bind(Map<String, Tensor> parameters) {
        if (moments.isEmpty()) {
            parameters.forEach((name, p) -> {
                moments.put(FIRST + name, Tensor.zeros(p.engine(), p.shape()));
                moments.put(SECOND + name, Tensor.zeros(p.engine(), p.shape()));
            });
            return;
        }
        parameters.forEach((name, p) -> {
            Tensor first = moments.get(FIRST + name);
            Shape known = first == null ? null : first.shape();
            if (!p.shape().equals(known)) {
                throw new IllegalArgumentException("parameter " + name + " " + p.shape() + ": the optimiser "
                        + (known == null ? "has no such parameter" : "knows it as " + known));
            }
        });
        if (2 * parameters.size() != moments.size()) {
            throw new IllegalArgumentException(
                    parameters.size() + " parameters, the optimiser has " + moments.size() / 2);
        }
    }
}
