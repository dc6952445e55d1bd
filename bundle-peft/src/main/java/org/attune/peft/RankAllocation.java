package org.attune.peft;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter.Attachment;
import org.attune.training.Regularizer.GradientView;
import org.attune.training.StepListener;

/**
 * AdaLoRA's budget, as PEFT's {@code update_and_allocate} keeps it: after each update the importance |w g| of every element is
 * averaged; a triplet's score is that of its E and the mean scores of its row of A and its column of B. Of all maps together the best
 * {@code b(t)} triplets stay, and the E of others becomes 0, while A and B go on, so that a triplet may come back. b(t) falls with the
 * cube of the way from the initial to the target budget between t_init and T - t_final, and what is pruned then stays so.
 *
 * <p>T is the kernel's. Options that would never prune are refused at the first step.
 */
final class RankAllocation implements StepListener {
    private final AdaloraOptions options;
    private final List<Scored> maps = new ArrayList<>();
    /** 1 once the last pruning is done. */
    private final Tensor settled;
    /** What was last allocated; 0 before. */
    private final Tensor allocated;

    /**
     * @param kept [rank] 1 for each triplet that the last pruning has left
     */
    private record Scored(Adalora.Triplets at, Sensitivity a, Sensitivity e, Sensitivity b, Tensor kept) {
        void update(GradientView gradients, double beta1, double beta2) {
            update(at.path() + ".lora_A", at.a(), a, gradients, beta1, beta2);
            update(at.path() + ".lora_E", at.e(), e, gradients, beta1, beta2);
            update(at.path() + ".lora_B", at.b(), b, gradients, beta1, beta2);
        }

        private static void update(
                String name, Tensor p, Sensitivity of, GradientView gradients, double beta1, double beta2) {
            of.update(p.mul(gradients.of(name)).abs(), beta1, beta2);
        }

        /** Of each triplet. */
        double[] scores() {
            return e.score()
                    .reshape(at.rank())
                    .add(a.score().mean(1))
                    .add(b.score().mean(0))
                    .toDoubles();
        }

        void prune() {
            at.e().set(at.e().mul(kept.reshape(at.rank(), 1)));
        }
    }

    RankAllocation(AdaloraOptions options, List<Adalora.Triplets> maps, Attachment on) {
        this.options = options;
        for (Adalora.Triplets at : maps) {
            this.maps.add(new Scored(
                    at,
                    Sensitivity.of(at.path() + ".lora_A", at.a(), on),
                    Sensitivity.of(at.path() + ".lora_E", at.e(), on),
                    Sensitivity.of(at.path() + ".lora_B", at.b(), on),
                    on.state(at.path() + ".lora_E.kept", Shape.of(at.rank()))));
        }
        this.settled = on.state("adalora.settled", Shape.SCALAR);
        this.allocated = on.state("adalora.allocated", Shape.SCALAR);
    }

    private int first() {
        return maps.stream().mapToInt(m -> m.at().rank()).sum();
    }

    private int last() {
        return maps.size() * options.targetRank();
    }

    private boolean prunedBefore() {
        return !options.ranks().isEmpty();
    }

    @Override
    public void before(Step step) {
        long init = StepCount.of(options.tInit(), step.steps());
        long end = StepCount.of(options.tFinal(), step.steps());
        if (prunedBefore()) {
            return;
        }
        if (options.targetRank() >= options.initRank()) {
            throw new UserError("adalora: target_rank is " + options.targetRank() + " and init_rank "
                    + options.initRank() + ", so nothing would be pruned; lower target_rank, or use lora");
        }
        if (init + end >= step.steps()) {
            throw new UserError("adalora: t_init and t_final take " + init + " and " + end + " of the trial's "
                    + step.steps() + " steps, so nothing would be pruned; lower them (below 1 they are shares of all"
                    + " steps), or train for more steps");
        }
    }

    @Override
    public void updated(Step step) {
        if (!prunedBefore()) {
            Scope.inference(settled.engine(), () -> {
                allocate(step, step.number() + 1);
                return null;
            });
        }
    }

    /** @param t steps done */
    private void allocate(Step step, long t) {
        long init = StepCount.of(options.tInit(), step.steps());
        long end = step.steps() - StepCount.of(options.tFinal(), step.steps());
        if (settled.item() == 1) {
            maps.forEach(Scored::prune);
            return;
        }
        if (t < end) {
            maps.forEach(m -> m.update(step.gradients(), options.beta1(), options.beta2()));
            if (t > init && t % options.deltaT() == 0) {
                double left = 1 - (double) (t - init) / (end - init);
                prune(step, (int) ((first() - last()) * Math.pow(left, 3) + last()));
            }
            return;
        }
        prune(step, last());
        settled.set(1.0);
        Map<String, Object> ranks = new LinkedHashMap<>();
        maps.forEach(m -> ranks.put(
                m.at().path(), (int) Arrays.stream(m.kept().toDoubles()).sum()));
        step.log("adalora", Map.of("settled", true, "ranks", ranks));
    }

    private void prune(Step step, int budget) {
        List<double[]> scores = maps.stream().map(Scored::scores).toList();
        double[] sorted =
                scores.stream().flatMapToDouble(DoubleStream::of).sorted().toArray();
        int below = sorted.length - budget;
        if (below > 0) {
            double threshold = sorted[below - 1];
            for (int i = 0; i < maps.size(); i++) {
                maps.get(i)
                        .kept()
                        .set(DoubleStream.of(scores.get(i))
                                .map(s -> s <= threshold ? 0 : 1)
                                .toArray());
                maps.get(i).prune();
            }
        } else {
            maps.forEach(m -> m.kept()
                    .set(DoubleStream.generate(() -> 1).limit(m.at().rank()).toArray()));
        }
        if (allocated.item() != budget) {
            allocated.set((double) budget);
            Map<String, Object> now = new LinkedHashMap<>();
            now.put("triplets", budget);
            now.put("of", sorted.length);
            step.log("adalora", now);
        }
    }
}
