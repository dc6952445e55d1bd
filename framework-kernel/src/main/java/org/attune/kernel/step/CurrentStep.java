package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.List;
import org.attune.training.Regularizer;
import org.attune.training.StepListener;

/** A step as its listeners see it. */
final class CurrentStep implements StepListener.Step {
    private final long number;
    private final Course course;
    private final ParameterStore parameters;
    private final Regularizer.GradientView gradients;
    private final List<String> frozen = new ArrayList<>();
    private final List<String> unfrozen = new ArrayList<>();
    private final List<Note> notes = new ArrayList<>();

    /** @param gradients null before they are there */
    CurrentStep(long number, Course course, ParameterStore parameters, Regularizer.GradientView gradients) {
        this.number = number;
        this.course = course;
        this.parameters = parameters;
        this.gradients = gradients;
    }

    /** What the listeners did. */
    List<Note> notes() {
        List<Note> all = new ArrayList<>();
        if (!frozen.isEmpty()) {
            all.add(new Note("frozen", List.copyOf(frozen)));
        }
        if (!unfrozen.isEmpty()) {
            all.add(new Note("unfrozen", List.copyOf(unfrozen)));
        }
        all.addAll(notes);
        return all;
    }

    @Override
    public long number() {
        return number;
    }

    @Override
    public long steps() {
        return course.steps();
    }

    @Override
    public long stepsPerEpoch() {
        return course.stepsPerEpoch();
    }

    @Override
    public Regularizer.GradientView gradients() {
        if (gradients == null) {
            throw new IllegalStateException("step " + number + " has no gradients yet");
        }
        return gradients;
    }

    @Override
    public boolean trains(String parameter) {
        return parameters.isTrained(parameter);
    }

    @Override
    public void freeze(String parameter) {
        if (parameters.train(parameter, false)) {
            frozen.add(parameter);
        }
    }

    @Override
    public void unfreeze(String parameter) {
        if (gradients != null) {
            throw new IllegalStateException(
                    "there is no gradient of " + parameter + " in step " + number + "; unfreeze it before a step");
        }
        if (parameters.train(parameter, true)) {
            unfrozen.add(parameter);
        }
    }

    @Override
    public void log(String name, Object value) {
        notes.add(new Note(name, value));
    }
}
