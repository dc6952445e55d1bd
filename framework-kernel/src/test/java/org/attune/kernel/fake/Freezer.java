package org.attune.kernel.fake;

import java.util.List;
import org.attune.plugin.NoOptions;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.OptimizerGroup;
import org.attune.training.StepListener;

/**
 * Trains all weights: the embedding from step {@link #THAWS} on, the first layer before step {@link #FREEZES} alone. What it has seen
 * of gradients so far weighs on the last layer, so that a state which is lost shows in everything that follows.
 */
public final class Freezer implements Adapter<NoOptions> {
    /** In the middle of an epoch. */
    public static final int THAWS = 3;

    public static final int FREEZES = 5;
    public static final List<String> LOWER = List.of("tiny.layer.0.query.weight", "tiny.layer.0.query.bias");
    private static final String LAST = "tiny.layer.1.value.weight";

    /** Whether it finds fault with the trial at its first step. */
    public volatile boolean refuses;

    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public void attach(NoOptions options, Attachment on) {
        on.weights().forEach(on::train);
        Tensor seen = on.state("freezer.seen", Shape.SCALAR);
        Tensor last = on.parameter(LAST, on.weight(LAST).shape(), (shape, rng) -> {
            throw new AssertionError("it is made");
        });
        on.penalty(() -> last.square().sum().mul(0.01 * seen.item()));
        on.groups((name, shape) -> name.equals(LAST) ? OptimizerGroup.rate(0.5).undecayed() : OptimizerGroup.PLAIN);
        on.eachStep(new StepListener() {
            @Override
            public void before(Step step) {
                if (refuses) {
                    throw new UserError("freezer: " + step.steps() + " steps are too few");
                }
                if (step.number() < THAWS) {
                    step.freeze("tiny.embeddings.weight");
                } else {
                    step.unfreeze("tiny.embeddings.weight");
                }
            }

            @Override
            public void gradients(Step step) {
                seen.set(seen.item() + Math.abs(step.gradients().of(LAST).toDoubles()[0]));
                if (step.number() == FREEZES) {
                    LOWER.forEach(step::freeze);
                }
            }

            @Override
            public void updated(Step step) {
                if (step.number() == FREEZES + 1) {
                    step.log("freezer", List.of(step.stepsPerEpoch()));
                }
            }
        });
    }
}
