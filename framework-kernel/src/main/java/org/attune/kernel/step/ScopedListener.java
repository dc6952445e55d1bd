package org.attune.kernel.step;

import java.util.function.UnaryOperator;
import org.attune.training.Regularizer;
import org.attune.training.StepListener;

/**
 * The listener of an adapter that has a name in the trial: it goes on calling its parameters what it called them when it made them.
 *
 * @param kept from the adapter's name of a tensor to the trial's
 */
record ScopedListener(StepListener listener, UnaryOperator<String> kept) implements StepListener {
    @Override
    public void before(Step step) {
        listener.before(new Scoped(step));
    }

    @Override
    public void gradients(Step step) {
        listener.gradients(new Scoped(step));
    }

    @Override
    public void updated(Step step) {
        listener.updated(new Scoped(step));
    }

    private final class Scoped implements Step {
        private final Step step;

        Scoped(Step step) {
            this.step = step;
        }

        @Override
        public long number() {
            return step.number();
        }

        @Override
        public long steps() {
            return step.steps();
        }

        @Override
        public long stepsPerEpoch() {
            return step.stepsPerEpoch();
        }

        @Override
        public Regularizer.GradientView gradients() {
            Regularizer.GradientView gradients = step.gradients();
            return name -> gradients.of(kept.apply(name));
        }

        @Override
        public boolean trains(String parameter) {
            return step.trains(kept.apply(parameter));
        }

        @Override
        public void freeze(String parameter) {
            step.freeze(kept.apply(parameter));
        }

        @Override
        public void unfreeze(String parameter) {
            step.unfreeze(kept.apply(parameter));
        }

        @Override
        public void log(String name, Object value) {
            step.log(name, value);
        }
    }
}
