package org.attune.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The assembled system in {@code distribution/target}. */
final class Distribution {
    private Distribution() {}

    static Path home() {
        Path home = Path.of(System.getProperty("attune.distribution"))
                .toAbsolutePath()
                .normalize();
        if (!Files.isDirectory(home.resolve("bundle"))) {
            throw new IllegalStateException(home + ": no distribution there; build it by: mvn package");
        }
        return home;
    }

    /** The bundles that the launcher starts. */
    static List<Path> bundles() {
        return jars(home().resolve("bundle"));
    }

    /** The bundles that it installs only. */
    static List<Path> bundlesOnDemand() {
        return jars(home().resolve("bundle/on-demand"));
    }

    private static List<Path> jars(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.toString().endsWith(".jar")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
