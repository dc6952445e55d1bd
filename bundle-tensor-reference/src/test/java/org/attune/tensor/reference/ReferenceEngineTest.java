package org.attune.tensor.reference;

import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.EngineContract;

class ReferenceEngineTest extends EngineContract {
    private static final TensorEngine ENGINE = new ReferenceEngine();

    @Override
    protected TensorEngine engine() {
        return ENGINE;
    }

    @Override
    protected TensorEngine oracle() {
        return new ReferenceEngine();
    }
}
