package org.attune.training;

import org.osgi.annotation.versioning.ConsumerType;
import org.osgi.annotation.versioning.ProviderType;

/**
 * Acts while training runs: an adapter that freezes and unfreezes what it trains, or looks at gradients. Each method is called once
 * an optimiser step, on one thread. Whatever a listener must remember lies in {@link Parameters#state}: it is then as it was after a
 * swap of the plug-in and in a resumed run.
 */
@ConsumerType
public interface StepListener {
    /**
     * Before the step's forward pass: decides what it trains. May be called again for the same step, and then changes nothing more.
     */
    default void before(Step step) {}

    /**
     * The gradients of the whole batch are complete, penalties included and any loss scaling undone; they are not clipped, and
     * nothing is updated yet. Not called for a step that is skipped because its gradients overflowed.
     */
    default void gradients(Step step) {}

    /** The parameters are updated; the gradients are those that the optimiser used. Not called for a skipped step. */
    default void updated(Step step) {}

    /** A step of a trial. */
    @ProviderType
    interface Step {
        /** Counted from 0. */
        long number();

        /** Of the whole trial. */
        long steps();

        /** Of one pass over the training examples. */
        long stepsPerEpoch();

        /**
         * The gradients of what is trained now.
         *
         * @throws IllegalStateException before they are there
         */
        Regularizer.GradientView gradients();

        /** Whether a parameter is trained now. */
        boolean trains(String parameter);

        /**
         * Stops training a parameter, from this step's update on: it keeps its value, its gradient counts no more and is no longer
         * computed, its optimiser state is gone. Nothing happens where it is frozen already.
         *
         * @throws IllegalArgumentException if no plug-in of the trial has made it to be trained
         */
        void freeze(String parameter);

        /** Trains a frozen parameter again, with new optimiser state. Not between a step's gradients and its end. */
        void unfreeze(String parameter);

        /**
         * Writes what a method did or found into the run's journal, with this step. What is frozen and unfrozen is written anyway.
         *
         * @param name the method's
         * @param value numbers, texts, booleans, or lists and maps of these
         */
        void log(String name, Object value);
    }
}
