package org.attune.tensor.cpu;

import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.EngineContract;
import org.junit.jupiter.api.BeforeAll;

class CpuEngineTest extends EngineContract {
    private static TensorEngine engine;

    @BeforeAll
    static void onlyWhereTheLibraryIs() {
        OneDnnPresence.assume();
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
