package org.attune.peft.freezing;

import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.training.Adapter;
import org.attune.training.StepListener;
import org.osgi.service.component.annotations.Component;

/**
 * Gradual freezing: all weights of the model are trained, and layers freeze for good from the input up, the embeddings with the first.
 * Nothing below the first layer that still trains is part of the backward pass, and there is no dropout there. Which layers freeze is decided by how their gradients
 * still change ({@link AutoFreeze}), or by the step alone: layer l of L after the share {@code (t + (1 - t) l / L)^3} of the trial, the
 * cubic times of FreezeOut (Brock et al. 2017, arXiv 1706.04983), whose learning rates by layer are left out. The last layer trains to
 * the end.
 */
@Component(service = Adapter.class)
@AttunePlugin(
        name = "gradual-freezing",
        description = "the model's own weights, whose layers freeze from the input up (AutoFreeze, or at fixed times)")
public final class GradualFreezing implements Adapter<GradualFreezingOptions> {
    @Override
    public Class<GradualFreezingOptions> options() {
        return GradualFreezingOptions.class;
    }

    @Override
    public void attach(GradualFreezingOptions options, Attachment on) {
        Layers layers = Layers.of("gradual-freezing", on);
        on.weights().forEach(on::train);
        on.withoutDropout();
        on.eachStep(
                options.rule() == GradualFreezingOptions.Rule.AUTO
                        ? new AutoFreeze(options, layers, on)
                        : new AtFixedTimes(options.first(), layers));
    }

    private record AtFixedTimes(double first, Layers layers) implements StepListener {
        @Override
        public void before(Step step) {
            int frozen = 0;
            while (frozen < layers.count() - 1 && step.number() >= time(frozen + 1) * step.steps()) {
                frozen++;
            }
            if (Math.ceil(time(1) * step.steps()) >= step.steps()) {
                throw new UserError(
                        "gradual-freezing: with first " + first + " no layer would freeze within the trial's "
                                + step.steps() + " steps; lower it, or train for more steps");
            }
            layers.below(frozen).forEach(step::freeze);
        }

        private double time(int layer) {
            return Math.pow(first + (1 - first) * layer / layers.count(), 3);
        }
    }
}
