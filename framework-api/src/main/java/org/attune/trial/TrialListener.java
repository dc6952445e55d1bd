package org.attune.trial;

import java.util.List;
import org.attune.evaluation.Score;
import org.osgi.annotation.versioning.ConsumerType;

/** Told what happens in trials; a service. Called on the trial's thread: return quickly. */
@ConsumerType
public interface TrialListener {
    /** After each optimiser step. */
    default void step(Trial trial, Progress progress) {}

    /** After an evaluation. */
    default void evaluated(Trial trial, String split, long step, List<Score> scores) {}

    /** While an evaluation goes on. */
    default void evaluating(Trial trial, String split, long done, long total) {}

    /** While what frozen layers give for a split is computed, to be kept for later epochs. */
    default void keeping(Trial trial, String split, long done, long total) {}

    /** When an adapter has changed what is trained, or found something, after so many steps; {@code note} is one line. */
    default void noted(Trial trial, long step, String note) {}

    /** After a change of state; {@code message} says why, in one line, and may be empty. */
    default void changed(Trial trial, TrialState state, String message) {}
}
