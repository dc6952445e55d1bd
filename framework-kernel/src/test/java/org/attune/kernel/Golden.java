package org.attune.kernel;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Reference values that lie beside the checkout. */
public final class Golden {
    private Golden() {}

    /** A file or folder of the reference values; the test is skipped where it is absent. */
    public static Path path(String name) {
        Path path = Path.of(System.getProperty("attune.shared", "../../shared"))
                .resolve("golden")
                .resolve(name);
        assumeTrue(Files.exists(path), () -> "no reference values at " + path);
        return path;
    }
}
