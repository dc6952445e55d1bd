package org.attune.shell.text;

import java.nio.file.Path;

/** How the user started this program, to say what to type next. */
public final class Launch {
    private Launch() {}

    /** A command line that can be copied: {@code ./attune resume runs/x}. */
    public static String command(String command, Path path) {
        String argument = shortened(path);
        String quoted = argument.matches("[\\w./@%+=:,-]+") ? argument : "'" + argument.replace("'", "'\\''") + "'";
        return program() + " " + command + " " + quoted;
    }

    /** The program itself. */
    public static String program() {
        return System.getProperty("attune.command", "./attune");
    }

    /** Relative to the working directory where the path lies in it. */
    public static String shortened(Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        Path here = Path.of("").toAbsolutePath();
        return absolute.startsWith(here) && !absolute.equals(here)
                ? here.relativize(absolute).toString()
                : absolute.toString();
    }
}
