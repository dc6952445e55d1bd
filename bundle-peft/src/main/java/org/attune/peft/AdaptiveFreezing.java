package org.attune.peft;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter.Attachment;
import org.attune.training.StepListener;

/**
 * AFLoRA's freezing of matrices, once an optimiser step t from 0, over the matrices that are still trained:
 *
 * <ol>
 *   <li>|g| is averaged over windows of steps; at the start of each, the average of the one before goes into the score of each element.
 *   <li>Between t_init and T - t_final a share of the matrices stays trained that falls from 1 to 0 by the schedule; matrices may freeze
 *       at the start of each window, and in the last phase, with the share 0, at every step.
 *   <li>Of the scores of all elements of the matrices still trained, the one at the share that is to go is the threshold: every matrix
 *       whose mean score is below it freezes for good, in this very step.
 * </ol>
 */
final class AdaptiveFreezing implements StepListener {
    private final AfloraOptions options;
    private final Map<String, Matrix> matrices = new LinkedHashMap<>();

    /**
     * @param window the mean |g| of the window in progress
     * @param frozenAt 1 + the step at which it froze, a scalar; 0 before
     */
    private record Matrix(Tensor window, Sensitivity score, Tensor frozenAt) {}

    /** @param open the matrices that may freeze, by name */
    AdaptiveFreezing(AfloraOptions options, Map<String, Tensor> open, Attachment on) {
        this.options = options;
        open.forEach((name, t) -> matrices.put(
                name,
                new Matrix(
                        on.state(name + ".window", t.shape()),
                        Sensitivity.of(name, t, on),
                        on.state(frozenAt(name), Shape.SCALAR))));
    }

    /** Name of the state that says when a matrix froze. */
    static String frozenAt(String matrix) {
        return matrix + ".frozen_at";
    }

    @Override
    public void before(Step step) {
        long init = StepCount.of(options.tInit(), step.steps());
        long end = StepCount.of(options.tFinal(), step.steps());
        if (matrices.isEmpty()) {
            throw new UserError("aflora: all targets are square, whose matrices are never trained, so nothing would"
                    + " freeze; name others too, or set square_trainable: true");
        }
        if (init + end >= step.steps()) {
            throw new UserError("aflora: t_init and t_final take " + init + " and " + end + " of the trial's "
                    + step.steps() + " steps, so none are left to freeze in; lower them (below 1 they are shares of all"
                    + " steps), or train for more steps");
        }
        if (options.window() >= step.steps()) {
            throw new UserError("aflora: window is " + options.window() + " and the trial has " + step.steps()
                    + " steps, so no score would ever be taken; lower window, or train for more steps");
        }
    }

    @Override
    public void gradients(Step step) {
        Map<String, Matrix> open = new LinkedHashMap<>(matrices);
        open.keySet().removeIf(name -> !step.trains(name));
        if (!open.isEmpty()) {
            Scope.inference(matrices.values().iterator().next().window().engine(), () -> {
                open.forEach((name, m) -> score(m, step.gradients().of(name).abs(), step.number()));
                decide(step, open);
                return null;
            });
        }
    }

    private void score(Matrix m, Tensor g, long t) {
        long j = t % options.window();
        if (j == 0) {
            m.score().update(m.window(), options.beta1(), options.beta2());
            m.window().set(g);
        } else {
            m.window().set(m.window().mul(j).add(g).mul(1.0 / (j + 1)));
        }
    }

    private void decide(Step step, Map<String, Matrix> open) {
        long t = step.number();
        long init = StepCount.of(options.tInit(), step.steps());
        long end = StepCount.of(options.tFinal(), step.steps());
        boolean last = t > step.steps() - end;
        if (t <= init || !last && t % options.window() != 0) {
            return;
        }
        double rho = last ? 0 : options.schedule().remaining((double) (t - init) / (step.steps() - init - end));
        Map<String, Double> means = new LinkedHashMap<>();
        List<double[]> scores = new ArrayList<>();
        open.forEach((name, m) -> {
            double[] own = m.score().score().toDoubles();
            scores.add(own);
            means.put(name, Arrays.stream(own).average().orElseThrow());
        });
        double[] sorted =
                scores.stream().flatMapToDouble(Arrays::stream).sorted().toArray();
        int k = (int) (sorted.length * (1 - rho));
        Map<String, Object> log = new LinkedHashMap<>();
        log.put("rho", rho);
        log.put("N", sorted.length);
        log.put("k", k);
        List<String> frozen = new ArrayList<>();
        if (k > 0) {
            double threshold = sorted[k - 1];
            log.put("theta", threshold);
            means.forEach((name, mean) -> {
                if (mean < threshold) {
                    step.freeze(name);
                    open.get(name).frozenAt().set((double) t + 1);
                    frozen.add(name);
                }
            });
        }
        log.put("scores", means);
        log.put("frozen_now", frozen);
        step.log("aflora", log);
    }
}
