package org.attune.shell.text;

import java.io.BufferedReader;
import java.io.Console;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;

/**
 * Where text goes to: results to {@code out}, all else to {@code err}.
 *
 * @param interactive whether {@code err} is a terminal on which a line can be drawn again
 * @param colour whether it may be coloured
 * @param width characters in a line of tables and reports; practically unlimited where {@code out} is no terminal
 * @param barWidth characters in a line of {@code err}; asked again now and then, as windows change their size
 */
public record Terminal(
        PrintStream out,
        PrintStream err,
        boolean interactive,
        boolean colour,
        Glyphs glyphs,
        int width,
        IntSupplier barWidth) {
    private static final int USUAL_WIDTH = 80;
    private static final int UNLIMITED = 10_000;

    /** The process's own. Text is UTF-8 whatever the locale; only what is drawn falls back to ASCII. */
    public static Terminal system() {
        Map<String, String> environment = System.getenv();
        boolean outIsTerminal = isTerminal(1);
        boolean errIsTerminal = isTerminal(2) && !"dumb".equals(environment.get("TERM"));
        return new Terminal(
                new PrintStream(System.out, true, StandardCharsets.UTF_8),
                new PrintStream(System.err, true, StandardCharsets.UTF_8),
                errIsTerminal,
                errIsTerminal && environment.getOrDefault("NO_COLOR", "").isEmpty(),
                glyphs(environment),
                outIsTerminal ? currentWidth(environment) : UNLIMITED,
                () -> currentWidth(environment));
    }

    /** The same without redrawing and colour. */
    public Terminal plain() {
        return new Terminal(out, err, false, false, glyphs, width, barWidth);
    }

    /** The locale as POSIX orders its variables. */
    static Glyphs glyphs(Map<String, String> environment) {
        for (String variable : new String[] {"LC_ALL", "LC_CTYPE", "LANG"}) {
            String value = environment.getOrDefault(variable, "");
            if (!value.isEmpty()) {
                return value.toUpperCase(Locale.ROOT).matches(".*UTF-?8.*") ? Glyphs.UNICODE : Glyphs.ASCII;
            }
        }
        return Glyphs.ASCII;
    }

    /** Java tells this only of input and output together, so ask the system where it can be asked. */
    public static boolean isTerminal(int descriptor) {
        Path link = Path.of("/proc/self/fd", String.valueOf(descriptor));
        try {
            String target = Files.readSymbolicLink(link).toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") || target.equals("/dev/console");
        } catch (IOException notLinux) {
            return hasConsole();
        }
    }

    /** From Java 22 on there is a console also without a terminal, and a method that tells them apart. */
    @SuppressWarnings("SystemConsoleNull") // what follows is for later versions
    private static boolean hasConsole() {
        Object console = System.console();
        if (console == null) {
            return false;
        }
        try {
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (ReflectiveOperationException beforeJava22) {
            return true;
        }
    }

    private static int currentWidth(Map<String, String> environment) {
        String columns = environment.getOrDefault("COLUMNS", "");
        if (columns.matches("[1-9][0-9]{0,3}")) {
            return Integer.parseInt(columns);
        }
        return askedWidth().orElse(USUAL_WIDTH);
    }

    private static OptionalInt askedWidth() {
        try {
            Process stty = new ProcessBuilder("stty", "size")
                    .redirectInput(new File("/dev/tty"))
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try (BufferedReader answer =
                    new BufferedReader(new InputStreamReader(stty.getInputStream(), StandardCharsets.US_ASCII))) {
                String size = answer.readLine();
                if (stty.waitFor(1, TimeUnit.SECONDS) && size != null && size.matches("[0-9]+ [1-9][0-9]{0,3}")) {
                    return OptionalInt.of(Integer.parseInt(size.substring(size.indexOf(' ') + 1)));
                }
            }
        } catch (IOException e) {
            return OptionalInt.empty(); // no stty or no terminal: the usual width will do
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return OptionalInt.empty();
    }
}
