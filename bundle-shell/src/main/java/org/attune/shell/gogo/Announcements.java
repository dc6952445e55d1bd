package org.attune.shell.gogo;

import java.util.function.Consumer;
import org.attune.shell.text.StateText;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.TrialState;

/** Says in one line what became of a trial in the background. */
final class Announcements implements TrialListener {
    private final Consumer<String> lines;

    Announcements(Consumer<String> lines) {
        this.lines = lines;
    }

    @Override
    public void changed(Trial trial, TrialState state, String message) {
        if (state != TrialState.PREPARING) {
            lines.accept("trial " + trial.id() + ": " + describe(trial, state, message));
        }
    }

    private static String describe(Trial trial, TrialState state, String message) {
        return switch (state) {
            case COMPLETED -> trial.name() + " is completed; see: report " + trial.id();
            case SUSPENDED -> StateText.suspension(trial);
            default -> trial.name() + " is " + StateText.of(state, message);
        };
    }
}
