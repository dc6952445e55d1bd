package org.attune.kernel;

import java.util.List;
import java.util.Locale;
import org.attune.kernel.plugins.Engines;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.plugins.PluginKind;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.profile.Instrumented;
import org.attune.tensor.engine.EngineStats;
import org.attune.tensor.engine.TensorEngine;
import org.attune.trial.Catalogue;

/** What is installed and resident. */
record CatalogueService(PluginRegistry registry, Engines tensorEngines, ModelPool pool) implements Catalogue {
    @Override
    public List<PluginInfo> plugins() {
        return PluginKind.ALL.stream().flatMap(k -> registry.list(k).stream()).toList();
    }

    @Override
    public List<ModelInfo> models() {
        return pool.list();
    }

    @Override
    public List<EngineInfo> engines() {
        return tensorEngines.list().stream()
                .map(e -> {
                    EngineStats s = e.stats();
                    return new EngineInfo(
                            e.name(),
                            e.dtype().name().toLowerCase(Locale.ROOT),
                            s.liveBytes(),
                            s.peakBytes(),
                            s.pooledBytes(),
                            s.kernelCalls(),
                            operations(e));
                })
                .toList();
    }

    private static List<OperationInfo> operations(TensorEngine engine) {
        return Instrumented.profile(engine).operations().stream()
                .map(o -> new OperationInfo(o.name(), o.calls(), o.nanos() / 1e9, o.flops(), o.bytes()))
                .toList();
    }
}
