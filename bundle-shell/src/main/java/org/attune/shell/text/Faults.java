package org.attune.shell.text;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import org.attune.plugin.UserError;

/** Tells of what went wrong: a user's mistake in one line, a fault in one line and a log. */
public final class Faults {
    private static final String LOG = "attune-fault.log";

    private Faults() {}

    /** Always one line. */
    public static void line(Terminal terminal, String message) {
        terminal.err().println("attune: " + message.strip().replaceAll("\\p{Cntrl}+", " "));
    }

    /**
     * Prints the line and writes the log.
     *
     * @param context what failed, in front of the line; may be empty
     * @param folder where the log goes, or else the working directory
     * @return the exit code
     */
    public static int tell(Terminal terminal, String context, Throwable failure, Path folder) {
        String prefix = context.isEmpty() ? "" : context + ": ";
        if (failure instanceof UserError) {
            line(terminal, prefix + failure.getMessage());
            return ExitCode.MISTAKE;
        }
        line(terminal, prefix + "a fault of the program: " + failure + "; " + log(context, failure, folder));
        return ExitCode.FAULT;
    }

    private static String log(String context, Throwable failure, Path folder) {
        StringWriter text = new StringWriter();
        PrintWriter writer = new PrintWriter(text);
        writer.println(LocalDateTime.now(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS) + " Java "
                + Runtime.version() + " " + context);
        failure.printStackTrace(writer);
        for (Path directory : new Path[] {folder, Path.of(""), Path.of(System.getProperty("java.io.tmpdir"))}) {
            if (Files.isDirectory(directory)) {
                try {
                    Path log = directory.resolve(LOG);
                    Files.writeString(log, text + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
                    return "details are in " + Launch.shortened(log);
                } catch (IOException e) {
                    failure.addSuppressed(e); // try the next directory
                }
            }
        }
        return "details could not be written anywhere";
    }
}
