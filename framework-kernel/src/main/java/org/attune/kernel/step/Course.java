package org.attune.kernel.step;

import org.attune.kernel.spec.TrialSpec;

/**
 * How long a trial is.
 *
 * @param steps optimiser steps in all
 * @param stepsPerEpoch of one pass over the training examples
 */
public record Course(long steps, long stepsPerEpoch) {
    /** What a spec says for so many training examples. */
    public static Course of(TrialSpec.Train train, int examples) {
        long perEpoch = (examples + train.batch() - 1L) / train.batch();
        long steps = (long) Math.ceil(train.epochs() * perEpoch - 1e-9);
        return new Course(train.maxSteps() > 0 ? Math.min(steps, train.maxSteps()) : steps, perEpoch);
    }
}
