package org.attune.shell.text;

import org.attune.trial.TrialState;

/** A trial's state in words. */
public final class StateText {
    private StateText() {}

    public static String of(TrialState state) {
        return switch (state) {
            case PREPARING -> "reading model and data";
            case RUNNING -> "running";
            case PAUSED -> "paused";
            case WAITING -> "waiting for a plug-in";
            case SUSPENDED -> "suspended";
            case COMPLETED -> "completed";
            case FAILED -> "failed";
        };
    }

    /** With the reason where there is one. */
    public static String of(TrialState state, String message) {
        return message.isEmpty() ? of(state) : of(state) + ": " + message;
    }
}
