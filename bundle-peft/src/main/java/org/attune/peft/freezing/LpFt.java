package org.attune.peft.freezing;

import java.util.List;
import org.attune.peft.StepCount;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.training.Adapter;
import org.attune.training.OptimizerGroup;
import org.attune.training.StepListener;
import org.osgi.service.component.annotations.Component;

/**
 * Linear probing, then full fine-tuning (Kumar et al. 2022, arXiv 2202.10054): the trainer's head alone is trained first, over a frozen
 * model without dropout, then everything from there, at a lower learning rate, so that a random head does not distort what the model knows.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "lp-ft", description = "the trainer's head alone, then all of the model's weights too (LP-FT)")
public final class LpFt implements Adapter<LpFtOptions> {
    @Override
    public Class<LpFtOptions> options() {
        return LpFtOptions.class;
    }

    @Override
    public void attach(LpFtOptions options, Attachment on) {
        List<String> weights = on.weights();
        weights.forEach(on::train);
        on.withoutDropout();
        Parts parts = new Parts(options, weights);
        on.eachStep(parts);
        on.groups((name, shape) -> OptimizerGroup.rate(parts.rate));
    }

    private static final class Parts implements StepListener {
        private final LpFtOptions options;
        private final List<String> weights;
        /** Of the step that {@link #before} saw last. */
        private double rate = 1;

        Parts(LpFtOptions options, List<String> weights) {
            this.options = options;
            this.weights = weights;
        }

        @Override
        public void before(Step step) {
            long probe = StepCount.of(options.probe(), step.steps());
            if (probe == 0 || probe >= step.steps()) {
                throw new UserError("lp-ft: probe takes " + probe + " of the trial's " + step.steps()
                        + " steps; give a number between, or a share of them above 0 and below 1");
            }
            boolean probing = step.number() < probe;
            rate = probing ? 1 : options.rate();
            weights.forEach(probing ? step::freeze : step::unfreeze);
        }
    }
}
