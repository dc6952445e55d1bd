package org.attune.tensor.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.EngineContract;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.BeforeAll;

class CpuEngineTest extends EngineContract {
    private static TensorEngine engine;

    @BeforeAll
    static void onlyWhereTheLibraryIs() {
        assumeTrue(
                Loader.getPlatform().equals("linux-x86_64"), () -> "oneDNN is not bundled for " + Loader.getPlatform());
        engine = new CpuEngine();
    }

    @Override
    protected TensorEngine engine() {
        return engine;
    }

    @Override
    protected TensorEngine oracle() {
        return new ReferenceEngine();
    }
}
