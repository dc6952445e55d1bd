package org.attune.kernel.run;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file that no byte fits into. */
final class FullDisk {
    private static final Path DEVICE = Path.of("/dev/full");

    private FullDisk() {}

    /** Makes writing to {@code path} end in "No space left on device"; the test is skipped where the device is absent. */
    static void at(Path path) throws IOException {
        Files.createSymbolicLink(path, device());
    }

    static Path device() {
        assumeTrue(Files.exists(DEVICE), "no " + DEVICE + " here");
        return DEVICE;
    }
}
