package org.attune.tensor.nd4j;

import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.EngineContract;
import org.junit.jupiter.api.BeforeAll;

class Nd4jEngineTest extends EngineContract {
    private static TensorEngine engine;

    @BeforeAll
    static void onlyWhereTheLibraryIs() {
        Nd4jPresence.assume();
        engine = new Nd4jEngine();
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
