package org.attune.tensor.nd4j;

import org.attune.plugin.AttunePlugin;
import org.attune.tensor.engine.TensorEngine;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;

/** On the first GPU: there where natives-nd4j was built with CUDA and has found that it runs. */
@Component(
        service = TensorEngine.class,
        immediate = true,
        property = {
            "osgi.ds.satisfying.condition.target=(&(osgi.condition.id=attune.natives.nd4j)(attune.nd4j.device=cuda))",
            "service.ranking:Integer=30"
        })
@AttunePlugin(name = "nd4j", description = "float32 on ND4J and CUDA; storage in 16 bits too")
public final class CudaEngine extends Nd4jEngine {
    @Override
    @Deactivate
    public void close() {
        super.close();
    }
}
