package org.attune.natives.nd4j;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The kernel's NVIDIA driver, as Linux tells of it. */
final class NvidiaDriver {
    private static final Path VERSION_FILE = Path.of("/proc/driver/nvidia/version");
    private static final Pattern NUMBER = Pattern.compile("\\b\\d+\\.\\d+(\\.\\d+)?\\b");

    private NvidiaDriver() {}

    /** For example {@code 535.104.05}; empty if no driver is loaded, or on another system than Linux. */
    static Optional<String> version() {
        try {
            return Files.isReadable(VERSION_FILE) ? parse(Files.readString(VERSION_FILE)) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty(); // went away between the two calls: then there is none
        }
    }

    /** From a text as {@code NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 ...}. */
    static Optional<String> parse(String text) {
        Matcher matcher = NUMBER.matcher(text);
        return matcher.find() ? Optional.of(matcher.group()) : Optional.of("of an unknown version");
    }
}
