package org.attune.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.attune.plugin.UserError;

/** A file whose bytes a fuzzer made up, from the seeds beside its test on. */
public final class FuzzedFile {
    /** Bytes of Java's memory that reading may take, whatever the file: buffers, and what the fuzzer's own probes take. */
    private static final long ALLOWANCE = 16 << 20;
    /** And for each byte of the file: a name of a few characters is an entry in a map, and a message quotes it. */
    private static final long PER_BYTE = 256;

    private FuzzedFile() {}

    /** Whether a reader copes: it reads, or says in one line what is wrong, and takes memory in proportion to the file. */
    public static void read(byte[] content, Consumer<Path> reader) throws IOException {
        Path file = Files.createTempFile("fuzzed", null);
        long allowed = ALLOWANCE + PER_BYTE * content.length;
        try {
            Files.write(file, content);
            if (allocated(file, reader) > allowed) {
                // The first time loads classes.
                assertThat(allocated(file, reader))
                        .as("bytes allocated for a file of %d", content.length)
                        .isLessThanOrEqualTo(allowed);
            }
        } finally {
            Files.delete(file);
        }
    }

    private static long allocated(Path file, Consumer<Path> reader) {
        com.sun.management.ThreadMXBean threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        try {
            reader.accept(file);
        } catch (UserError e) {
            assertThat(e.getMessage()).isNotBlank().doesNotContainPattern("\\p{Cntrl}");
        }
        return threads.getCurrentThreadAllocatedBytes() - before;
    }
}
