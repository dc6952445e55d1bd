package org.attune.launcher;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.logging.ConsoleHandler;
import java.util.logging.Formatter;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;

/**
 * Configures {@code java.util.logging}, through which File Install reports on plug-ins: warnings and errors, one line
 * each with its cause, to standard error. Named by {@code java.util.logging.config.class} in {@code etc/jvm.args}, so
 * that it costs nothing until something is logged.
 */
public final class JavaLogging {
    /** Called by {@link LogManager}. */
    public JavaLogging() throws IOException {
        String configuration = "handlers=" + ConsoleHandler.class.getName() + "\n.level=WARNING\n"
                + ConsoleHandler.class.getName() + ".formatter=" + Line.class.getName() + "\n";
        LogManager.getLogManager()
                .readConfiguration(new ByteArrayInputStream(configuration.getBytes(StandardCharsets.ISO_8859_1)));
    }

    /** {@code attune: what happened: why}. */
    public static final class Line extends Formatter {
        @Override
        public String format(LogRecord entry) {
            String cause = entry.getThrown() == null ? "" : ": " + Diagnosis.oneLine(entry.getThrown());
            return "attune: " + formatMessage(entry) + cause + System.lineSeparator();
        }
    }
}
