package org.attune.launcher;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Starts Attune: {@code java -Dattune.home=DIR -cp 'DIR/lib/*' org.attune.launcher.Main ARGS}. The exit code is what the
 * main service returns, or 1 where there is none or it fails.
 */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        System.exit(run(args));
    }

    private static int run(String[] args) {
        String home = System.getProperty("attune.home");
        if (home == null || !Files.isDirectory(Path.of(home, "bundle"))) {
            System.err.println("attune: the system property attune.home is " + home
                    + ", expected the directory of an Attune distribution (the one with bundle/ in it)");
            return 1;
        }
        try {
            return new Launcher(Directories.prepare(Path.of(home))).run(args);
        } catch (IOException e) {
            System.err.println("attune: could not prepare the working directories: " + e);
            return 1;
        }
    }
}
