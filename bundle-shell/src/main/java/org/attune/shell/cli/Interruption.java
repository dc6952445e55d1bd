package org.attune.shell.cli;

/** Whether a signal has come; what draws on the terminal stops first, so that the last lines are readable. */
final class Interruption {
    private boolean requested;
    private Runnable quiet = () -> {};

    synchronized boolean requested() {
        return requested;
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
