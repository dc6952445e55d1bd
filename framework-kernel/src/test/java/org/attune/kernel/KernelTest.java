package org.attune.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.attune.kernel.fake.FakePlugins;
import org.attune.kernel.plugins.ModelPool;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.trial.Catalogue;
import org.junit.jupiter.api.Test;

/** Engines that come and go. */
class KernelTest {
    private final Kernel kernel = new Kernel();

    @Test
    void whatAnEngineDoesIsCounted() {
        kernel.addEngine(new ReferenceEngine(), Map.of());
        TensorEngine engine = kernel.find("reference").orElseThrow();
        try (Storage storage = engine.allocate(10, engine.dtype())) {
            engine.fill(storage, 1);
            engine.fill(storage, 2);
        }
        Catalogue.EngineInfo info = new CatalogueService(new FakePlugins(), kernel, new ModelPool())
                .engines()
                .get(0);
        assertThat(info.type()).isEqualTo("float64");
        assertThat(info.kernelCalls()).isEqualTo(2);
        assertThat(info.operations()).singleElement().satisfies(o -> {
            assertThat(o.name()).isEqualTo("fill");
            assertThat(o.calls()).isEqualTo(2);
            assertThat(o.bytes()).isEqualTo(160);
            assertThat(o.seconds()).isPositive();
        });
    }

    @Test
    void theHighestRankedEngineComesFirst() {
        ReferenceEngine fast = new ReferenceEngine();
        kernel.addEngine(new ReferenceEngine(), Map.of());
        kernel.addEngine(fast, Map.of("service.ranking", 20));
        kernel.addEngine(new ReferenceEngine(), Map.of("service.ranking", 10));
        fast.allocate(3, fast.dtype());
        assertThat(kernel.list())
                .extracting(engine -> engine.stats().liveBytes())
                .containsExactly(24L, 0L, 0L);
    }

    @Test
    void anEngineThatLeavesIsThereNoMoreAndItsTwinStays() throws InterruptedException {
        ReferenceEngine first = new ReferenceEngine();
        ReferenceEngine second = new ReferenceEngine();
        kernel.addEngine(first, Map.of());
        TensorEngine measured = kernel.list().get(0);
        kernel.addEngine(second, Map.of());
        kernel.removeEngine(first);
        assertThat(kernel.list()).hasSize(1).doesNotContain(measured);
        kernel.removeEngine(second);
        assertThat(kernel.list()).isEmpty();
    }
}
