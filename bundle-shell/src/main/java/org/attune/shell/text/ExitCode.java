package org.attune.shell.text;

/** What the process ends with. After a signal it is the system's own: 130 for Ctrl-C, 143 for SIGTERM. */
public final class ExitCode {
    public static final int OK = 0;
    /** A fault of the program, or a comparison that failed. */
    public static final int FAULT = 1;
    /** A mistake of the user. */
    public static final int MISTAKE = 2;
    /** A trial was suspended without a signal, as a plug-in went away; it can be resumed. */
    public static final int SUSPENDED = 3;

    private ExitCode() {}

    /** The code for both: a fault weighs most, then a mistake, then a suspension. */
    public static int gravest(int a, int b) {
        if (a == OK || b == OK) {
            return Math.max(a, b);
        }
        return Math.min(a, b);
    }
}
