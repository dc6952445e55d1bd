package org.attune.shell.text;

import java.util.List;
import org.attune.trial.Trial;
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
        if (message.isEmpty() || message.startsWith(of(state))) {
            return message.isEmpty() ? of(state) : message;
        }
        return of(state) + ": " + message;
    }

    /** How to go on with a suspended trial. */
    public static String suspension(Trial trial) {
        // That it was stopped is what the user asked for.
        String message = trial.message();
        String reason = message.isEmpty() || message.startsWith("stopped") ? "" : " (" + message + ")";
        return trial.name() + ": suspended at step " + trial.progress().step() + " of "
                + trial.progress().steps() + reason + "; go on by: " + Launch.command("resume", trial.folder());
    }

    /** The same for all that are suspended. */
    public static List<String> suspensions(List<Trial> trials) {
        return trials.stream()
                .filter(trial -> trial.state() == TrialState.SUSPENDED)
                .map(StateText::suspension)
                .toList();
    }
}
