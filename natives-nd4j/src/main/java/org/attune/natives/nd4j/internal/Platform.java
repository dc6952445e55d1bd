package org.attune.natives.nd4j.internal;

import java.util.Locale;

/** This machine, in JavaCPP's words. JavaCPP itself would load a library to answer, at each start of Attune. */
final class Platform {
    /** JavaCPP's own property: takes the place of what the machine says. */
    private static final String OVERRIDE = "org.bytedeco.javacpp.platform";

    private Platform() {}

    static String current() {
        return System.getProperty(OVERRIDE, of(System.getProperty("os.name"), System.getProperty("os.arch")));
    }

    /** For example {@code linux-x86_64} of {@code Linux} and {@code amd64}. */
    static String of(String osName, String osArch) {
        String name = osName.toLowerCase(Locale.ROOT);
        String system = name.startsWith("mac") ? "macosx" : name.startsWith("windows") ? "windows" : name;
        String processor = switch (osArch) {
            case "amd64", "x86_64" -> "x86_64";
            case "aarch64" -> "arm64";
            default -> osArch;
        };
        return system + "-" + processor;
    }
}
