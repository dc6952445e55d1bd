package org.attune.shell.cli;

import org.attune.model.DownloadListener;

/**
 * Whether a signal has come; what draws on the terminal stops first, so that the last lines are readable. A download stops too, for
 * whoever saves the trials waits for it.
 */
final class Interruption implements DownloadListener {
    private boolean requested;
    private Runnable quiet = () -> {};

    synchronized boolean requested() {
        return requested;
    }

    @Override
    public boolean downloading(String what, long done, long total) {
        return !requested();
    }

    /** What takes the display off the terminal. */
    synchronized void onRequest(Runnable quiet) {
        this.quiet = quiet;
    }

    synchronized void request() {
        requested = true;
        quiet.run();
    }
}
