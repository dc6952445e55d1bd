package org.attune.shell.text;

import org.attune.model.DownloadListener;
import org.attune.trial.TrialListener;

/** Shows on standard error how a trial goes on, and the download of its model. */
public interface ProgressView extends TrialListener, DownloadListener, AutoCloseable {
    /** {@inheritDoc} This listener stops nothing. */
    @Override
    default boolean downloading(String what, long done, long total) {
        return true;
    }

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
