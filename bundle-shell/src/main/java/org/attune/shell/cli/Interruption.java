package org.attune.shell.cli;

import org.attune.shell.text.ProgressView;

/** Whether a signal has come; what draws on the terminal stops first, so that the last lines are readable. */
final class Interruption {
    private boolean requested;
    private ProgressView display;

    synchronized boolean requested() {
        return requested;
    }

    /** The display that is closed when a signal comes. */
    synchronized void display(ProgressView display) {
        this.display = display;
    }

    synchronized void request() {
        requested = true;
    }

    /** Closes the display. */
    synchronized void quiet() {
        if (display != null) {
            display.close();
        }
    }
}
