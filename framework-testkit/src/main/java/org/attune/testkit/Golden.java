package org.attune.testkit;

import static org.junit.jupiter.api.Assumptions.abort;

import java.nio.file.Files;
import java.nio.file.Path;

/** Values written by other implementations, which live beside the checkout rather than in it. */
public final class Golden {
    private Golden() {}

    /**
     * A file or folder among the golden values, by its path under {@code golden/} ({@code "optim/optim.json"}). Where it is
     * absent the running test is skipped with a message.
     */
    public static Path path(String name) {
        return shared("golden/" + name);
    }

    /** The folder of a real model, by its name under {@code models/}, in the same way. */
    public static Path model(String name) {
        return shared("models/" + name);
    }

    private static Path shared(String name) {
        String shared = System.getProperty("attune.shared");
        if (shared == null) {
            return abort("the system property attune.shared does not say where golden values are");
        }
        Path path = Path.of(shared).resolve(name);
        return Files.exists(path) ? path : abort("no golden values: " + path + " is absent");
    }
}
