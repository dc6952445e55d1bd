package org.attune.natives.nd4j;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Turns what was thrown while a backend was loaded into one line: which driver, device or library is missing. */
final class LoadFailure {
    /** The dynamic linker's words in the message of an UnsatisfiedLinkError, on Linux. */
    private static final Pattern MISSING_LIBRARY =
            Pattern.compile("([\\w.+-]+\\.so[\\w.]*): cannot open shared object file");

    private static final Pattern MISSING_SYMBOL =
            Pattern.compile("undefined symbol: (\\w+)|version [`'](\\S+)' not found");
    private static final String CUDA_LIBRARIES = "libcu";
    private static final String NO_DEVICE = "No CUDA devices were found";
    private static final String DRIVER_LIBRARY = "libcuda.so";

    private LoadFailure() {}

    /** @param driver version of the loaded NVIDIA driver, if there is one */
    static String explain(Throwable thrown, Optional<String> driver) {
        List<String> messages = messages(thrown);
        Optional<String> library = first(MISSING_LIBRARY, messages);
        boolean cuda = library.filter(name -> name.startsWith(CUDA_LIBRARIES)).isPresent()
                || messages.stream().anyMatch(message -> message.contains(NO_DEVICE));
        if (cuda && driver.isEmpty()) {
            return "no NVIDIA driver is loaded"
                    + library.map(name -> ", and library " + name + " is missing")
                            .orElse("");
        }
        if (library.filter(name -> name.startsWith(DRIVER_LIBRARY)).isPresent()) {
            return "driver " + driver.orElseThrow() + " is loaded, but its library " + library.get() + " is missing";
        }
        if (library.isPresent()) {
            return "library " + library.get() + " is missing" + (cuda ? " (part of CUDA 11.6)" : "");
        }
        if (cuda) {
            return "no CUDA device was found, or driver " + driver.orElseThrow() + " is too old for CUDA 11.6";
        }
        Optional<String> symbol = first(MISSING_SYMBOL, messages);
        return symbol.map(name -> "a system library is too old: it lacks " + name)
                .orElseGet(() -> messages.get(messages.size() - 1));
    }

    /** Of the throwable and its causes, the first line of each; the root's comes last and names its class. */
    private static List<String> messages(Throwable thrown) {
        List<String> messages = new ArrayList<>();
        Throwable t = thrown;
        for (; t.getCause() != null && t.getCause() != t; t = t.getCause()) {
            messages.add(String.valueOf(t.getMessage()));
        }
        String root = String.valueOf(t.getMessage()).lines().findFirst().orElse("");
        messages.add(t.getClass().getSimpleName() + ": " + root);
        return messages;
    }

    private static Optional<String> first(Pattern pattern, List<String> messages) {
        for (String message : messages) {
            Matcher matcher = pattern.matcher(message);
            if (matcher.find()) {
                return Optional.of(matcher.group(1) != null ? matcher.group(1) : matcher.group(2));
            }
        }
        return Optional.empty();
    }
}
