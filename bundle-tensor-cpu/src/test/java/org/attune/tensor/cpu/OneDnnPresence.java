package org.attune.tensor.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.bytedeco.javacpp.Loader;

/** Skips tests where there is no native library. */
final class OneDnnPresence {
    private OneDnnPresence() {}

    static void assume() {
        assumeTrue(
                Loader.getPlatform().equals("linux-x86_64"), () -> "oneDNN is not bundled for " + Loader.getPlatform());
    }
}
