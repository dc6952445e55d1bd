package org.attune.kernel.step;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.optim.LossScaling;
import org.attune.kernel.optim.Pace;
import org.attune.kernel.optim.Parallel;
import org.attune.kernel.optim.Updater;
import org.attune.tensor.Tensor;
import org.attune.training.Sample;
import org.attune.training.StepListener;

/** One optimiser step after another: gradients, loss scaling, clipping, the update. Not thread-safe. */
public final class Optimisation {
    private final Stepper stepper;
    private final ParameterStore parameters;
    private final Updater optimizer;
    private final GradientClipping clipping;
    private final Optional<LossScaling> scaling;
    private final Parallel parallel;
    private final Course course;
    private final List<Note> notes = new ArrayList<>();

    /**
     * @param scaling where activations are float16
     */
    public Optimisation(
            Stepper stepper,
            ParameterStore parameters,
            Updater optimizer,
            GradientClipping clipping,
            Optional<LossScaling> scaling,
            Parallel parallel,
            Course course) {
        this.stepper = stepper;
        this.parameters = parameters;
        this.optimizer = optimizer;
        this.clipping = clipping;
        this.scaling = scaling;
        this.parallel = parallel;
        this.course = course;
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

    /** Lets a session's adapters decide what the next step trains. Repeating it changes nothing. */
    public void before(Session session, long step) {
        tell(session, new CurrentStep(step, course, parameters, null), StepListener::before);
    }

    private void tell(Session session, CurrentStep step, BiConsumer<StepListener, StepListener.Step> event) {
        session.wiring().listeners().forEach(listener -> event.accept(listener, step));
        notes.addAll(step.notes());
    }

    /** What adapters have done since this was last asked. */
    public List<Note> takeNotes() {
        List<Note> taken = List.copyOf(notes);
        notes.clear();
        return taken;
    }

    /**
     * @param step counted from 0; decides the dropout masks
     */
    public Step step(Session session, List<Sample> samples, long step, Pace pace) {
        double scale = scaling.map(LossScaling::scale).orElse(1.0);
        Stepper.Result result = stepper.gradients(session, samples, step, scale);
        double norm = norm(result);
        if (Double.isFinite(result.loss()) && Double.isFinite(norm)) {
            tell(session, seen(step, result), StepListener::gradients);
            norm = session.wiring().listeners().isEmpty() ? norm : norm(result);
        }
        if (!Double.isFinite(result.loss()) || !Double.isFinite(norm)) {
            boolean skip = Double.isFinite(result.loss())
                    && scaling.map(LossScaling::overflowed).orElse(false);
            return new Step(skip ? Outcome.SKIPPED : Outcome.DIVERGED, result.loss(), norm, scale);
        }
        clipping.clip(parameters.trained().values(), result.gradients(), norm, parallel);
        optimizer.step(parameters.trained(), result.gradients(), pace, session.wiring()::group);
        tell(session, seen(step, result), StepListener::updated);
        scaling.ifPresent(LossScaling::succeeded);
        return new Step(Outcome.UPDATED, result.loss(), norm, scale);
    }

    private double norm(Stepper.Result result) {
        return GradientClipping.norm(parameters.trained().values(), result.gradients(), parallel);
    }

    private CurrentStep seen(long step, Stepper.Result result) {
        return new CurrentStep(step, course, parameters, stepper.view(result.gradients()));
    }

    /** What a resumed run needs beside tensors: the loss scale, and what is frozen. */
    public ObjectNode state() {
        ObjectNode state = JsonNodeFactory.instance.objectNode();
        scaling.ifPresent(s -> state.set("loss_scaling", s.state()));
        ArrayNode frozen = state.putArray("frozen");
        parameters.frozenNow().forEach(frozen::add);
        ObjectNode begun = state.putObject("begun");
        optimizer.begun().forEach(begun::put);
        return state;
    }

    /**
     * Goes on where an earlier sitting stopped.
     *
     * @param updates optimiser steps that it did
     * @param loading puts the saved values into the moments
     */
    public void restore(ObjectNode state, long updates, Consumer<Map<String, Tensor>> loading) {
        scaling.ifPresent(s -> s.restore(state.withObject("/loss_scaling")));
        state.path("frozen").forEach(name -> parameters.train(name.asText(), false));
        loading.accept(optimizer.moments(parameters.trained()));
        Map<String, Long> begun = new HashMap<>();
        state.path("begun")
                .properties()
                .forEach(e -> begun.put(e.getKey(), e.getValue().asLong()));
        optimizer.resume(updates, begun);
    }
}
