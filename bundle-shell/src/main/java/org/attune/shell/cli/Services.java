package org.attune.shell.cli;

import java.util.function.Function;
import org.attune.shell.text.Terminal;
import org.attune.trial.Catalogue;
import org.attune.trial.TraceReplay;
import org.attune.trial.TrialListener;
import org.attune.trial.Trials;

/**
 * What the commands work with.
 *
 * @param listening makes a listener hear of all trials until what it gives is closed
 * @param interruption tells when the process is about to end
 */
record Services(
        Trials trials,
        Catalogue catalogue,
        TraceReplay replay,
        Function<TrialListener, Listening> listening,
        Interruption interruption,
        Terminal terminal) {
    /** Ends when closed. */
    interface Listening {
        void close();
    }
}
