package org.attune.shell.text;

import org.attune.trial.TrialListener;

/** Shows on standard error how a trial goes on. */
public interface ProgressView extends TrialListener, AutoCloseable {
    /** Leaves the cursor at the start of a line; nothing is written afterwards. May be called more than once. */
    @Override
    void close();

    /** A bar on a terminal, lines elsewhere. */
    static ProgressView on(Terminal terminal) {
        return terminal.interactive() ? new LiveProgress(terminal) : new PlainProgress(terminal);
    }

    /** Shows nothing. */
    static ProgressView none() {
        return () -> {};
    }
}
