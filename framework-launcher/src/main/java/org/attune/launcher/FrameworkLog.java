package org.attune.launcher;

import org.apache.felix.framework.Logger;

/** Sends the framework's own errors to standard error; Felix would mix them into the standard output. */
final class FrameworkLog extends Logger {
    @Override
    protected void doLog(int level, String message, Throwable cause) {
        System.err.println("attune: " + message + (cause == null ? "" : ": " + cause));
    }
}
