package org.attune.tensor.nd4j;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.attune.natives.nd4j.Backend;
import org.attune.natives.nd4j.UnusableBackendException;

/** Skips tests where ND4J does not run. */
final class Nd4jPresence {
    private Nd4jPresence() {}

    static void assume() {
        String missing = null;
        try {
            Backend.load();
        } catch (UnusableBackendException e) {
            missing = e.getMessage();
        }
        assumeTrue(missing == null, missing);
    }
}
