package org.attune.tensor.nd4j;

import org.attune.plugin.AttunePlugin;
import org.attune.tensor.engine.TensorEngine;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;

/** On the CPU: there where natives-nd4j was built with nd4j-native. */
@Component(
        service = TensorEngine.class,
        immediate = true,
        property = {
            "osgi.ds.satisfying.condition.target=(&(osgi.condition.id=attune.natives.nd4j)(attune.nd4j.device=cpu))",
            "service.ranking:Integer=10"
        })
@AttunePlugin(
        name = "nd4j",
        description = "float32 on ND4J and OpenBLAS, one thread per worker; storage in 16 bits too")
public final class NativeEngine extends Nd4jEngine {
    @Override
    @Deactivate
    public void close() {
        super.close();
    }
}
