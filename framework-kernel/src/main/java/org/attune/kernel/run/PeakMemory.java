package org.attune.kernel.run;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * The peak memory of this process.
 *
 * @param bytes since the process began
 * @param source what was measured, in a few words
 */
public record PeakMemory(long bytes, String source) {
    private static final Path STATUS = Path.of("/proc/self/status");

    /**
     * The peak resident size that Linux keeps; elsewhere what the Java virtual machine had committed at most, and the engine's
     * peak beside it.
     *
     * @param engineBytes the engine's own peak, outside the Java heap
     */
    public static PeakMemory measure(long engineBytes) {
        OptionalLong resident = residentPeak(STATUS);
        if (resident.isPresent()) {
            return new PeakMemory(resident.getAsLong(), "peak resident size (VmHWM)");
        }
        long committed = ManagementFactory.getMemoryPoolMXBeans().stream()
                .mapToLong(pool -> pool.getPeakUsage().getCommitted())
                .sum();
        return new PeakMemory(committed + engineBytes, "committed by the JVM and held by the engine, each at its peak");
    }

    static OptionalLong residentPeak(Path status) {
        if (!Files.isReadable(status)) {
            return OptionalLong.empty();
        }
        try {
            return parse(Files.readAllLines(status));
        } catch (IOException e) {
            return OptionalLong.empty(); // The estimate says that it is one.
        }
    }

    private static OptionalLong parse(List<String> status) {
        return status.stream()
                .filter(line -> line.matches("VmHWM:\\s*\\d+ kB"))
                .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst();
    }
}
