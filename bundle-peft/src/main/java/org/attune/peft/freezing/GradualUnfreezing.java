package org.attune.peft.freezing;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.attune.peft.StepCount;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.training.Adapter;
import org.attune.training.OptimizerGroup;
import org.attune.training.StepListener;
import org.osgi.service.component.annotations.Component;

/**
 * Gradual unfreezing with discriminative learning rates (ULMFiT; Howard and Ruder 2018, arXiv 1801.06146): at first only what lies
 * above the layers is trained, the trainer's head among it; then one layer more is each epoch, from the top down, the embeddings last.
 * Each layer's learning rate is that of the one above divided by 2.6.
 *
 * <p>Its slanted triangular learning rate is about {@code schedule: {name: linear, warmup: 0.1}}.
 */
@Component(service = Adapter.class)
@AttunePlugin(
        name = "gradual-unfreezing",
        description = "the model's own weights, layer by layer from the top, lower ones more slowly (ULMFiT)")
public final class GradualUnfreezing implements Adapter<GradualUnfreezingOptions> {
    @Override
    public Class<GradualUnfreezingOptions> options() {
        return GradualUnfreezingOptions.class;
    }

    @Override
    public void attach(GradualUnfreezingOptions options, Attachment on) {
        List<List<String>> groups = Layers.of("gradual-unfreezing", on).groups();
        Map<String, Double> rates = new HashMap<>();
        for (int i = 0; i < groups.size(); i++) {
            for (String weight : groups.get(i)) {
                on.train(weight);
                rates.put(weight, Math.pow(options.rateDecay(), -i));
            }
        }
        on.groups((name, shape) -> OptimizerGroup.rate(rates.getOrDefault(name, 1.0)));
        on.eachStep(new StepListener() {
            @Override
            public void before(Step step) {
                unfreeze(groups, every(options, groups.size(), step), step);
            }
        });
    }

    /** Steps from one group to the next, 1 or more. */
    private static long every(GradualUnfreezingOptions options, int groups, StepListener.Step step) {
        long every = options.every() == 0
                ? Math.min(step.stepsPerEpoch(), step.steps() / groups)
                : StepCount.of(options.every(), step.steps());
        if (Math.max(1, every) >= step.steps()) {
            throw new UserError("gradual-unfreezing: every is " + every + " and the trial has " + step.steps()
                    + " steps, so nothing would be unfrozen; lower it, or train for more steps");
        }
        return Math.max(1, every);
    }

    private static void unfreeze(List<List<String>> groups, long every, StepListener.Step step) {
        long open = 1 + step.number() / every;
        for (int i = 0; i < groups.size(); i++) {
            groups.get(i).forEach(i < open ? step::unfreeze : step::freeze);
        }
    }
}
