package org.attune.kernel.step;

import java.util.List;
import java.util.Optional;
import org.attune.kernel.optim.AdamW;
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.optim.LossScaling;
import org.attune.kernel.optim.Parallel;
import org.attune.training.Sample;

/** One optimiser step after another: gradients, loss scaling, clipping, the update. Not thread-safe. */
public final class Optimisation {
    private final Stepper stepper;
    private final ParameterStore parameters;
    private final AdamW optimizer;
    private final double clip;
    private final Optional<LossScaling> scaling;
    private final Parallel parallel;

    /**
     * @param clip largest global gradient norm; 0 for no clipping
     * @param scaling where activations are float16
     */
    public Optimisation(
            Stepper stepper,
            ParameterStore parameters,
            AdamW optimizer,
            double clip,
            Optional<LossScaling> scaling,
            Parallel parallel) {
        this.stepper = stepper;
        this.parameters = parameters;
        this.optimizer = optimizer;
        this.clip = clip;
        this.scaling = scaling;
        this.parallel = parallel;
    }

    /** What became of a step. */
    public enum Outcome {
        UPDATED,
        /** Gradients overflowed and the loss did not: nothing was changed but the loss scale. */
        SKIPPED,
        /** The loss is not finite, or gradients are not whatever the scale: nothing was changed. */
        DIVERGED
    }

    /**
     * @param loss mean loss in nats; with penalties where the step was not skipped
     * @param norm of the gradients before they are clipped
     * @param scale that the loss was multiplied by; 1 without loss scaling
     */
    public record Step(Outcome outcome, double loss, double norm, double scale) {}

    /**
     * @param step counted from 0; decides the dropout masks
     * @param multiplier of the learning rate
     */
    public Step step(Session session, List<Sample> samples, long step, double multiplier) {
        double scale = scaling.map(LossScaling::scale).orElse(1.0);
        Stepper.Result result = stepper.gradients(session, samples, step, scale);
        double norm = GradientClipping.norm(parameters.trained().values(), result.gradients(), parallel);
        if (!Double.isFinite(result.loss()) || !Double.isFinite(norm)) {
            boolean skip = Double.isFinite(result.loss())
                    && scaling.map(LossScaling::overflowed).orElse(false);
            return new Step(skip ? Outcome.SKIPPED : Outcome.DIVERGED, result.loss(), norm, scale);
        }
        if (clip > 0) {
            GradientClipping.clip(parameters.trained().values(), result.gradients(), norm, clip);
        }
        optimizer.step(parameters.trained(), result.gradients(), multiplier);
        scaling.ifPresent(LossScaling::succeeded);
        return new Step(Outcome.UPDATED, result.loss(), norm, scale);
    }
}
