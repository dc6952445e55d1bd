package org.attune.kernel;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.attune.generation.Generation;
import org.attune.kernel.generation.GenerationService;
import org.attune.kernel.merge.Combiner;
import org.attune.kernel.merge.Exports;
import org.attune.kernel.merge.Merger;
import org.attune.kernel.plugins.Engines;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.profile.Instrumented;
import org.attune.kernel.replay.Replayer;
import org.attune.kernel.spec.StudyReader;
import org.attune.kernel.trial.TrialManager;
import org.attune.model.ModelExporter;
import org.attune.model.ModelLoader;
import org.attune.tensor.engine.TensorEngine;
import org.attune.trial.AdapterCombination;
import org.attune.trial.Catalogue;
import org.attune.trial.ModelExport;
import org.attune.trial.ModelMerge;
import org.attune.trial.Studies;
import org.attune.trial.TraceReplay;
import org.attune.trial.TrialListener;
import org.attune.trial.Trials;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;

/** Puts the kernel together in the framework and publishes its services. */
@Component(
        service = {},
        immediate = true)
public final class Kernel implements Engines {
    /** An engine as trials see it: the service, measured. */
    private record RankedEngine(TensorEngine measured, int ranking) {}

    /** By the service. */
    private final Map<TensorEngine, RankedEngine> engines = new ConcurrentHashMap<>();

    private final List<TrialListener> listeners = new CopyOnWriteArrayList<>();
    private final List<ModelExporter> exporters = new CopyOnWriteArrayList<>();
    private final List<ServiceRegistration<?>> registrations = new ArrayList<>();
    private final ModelPool pool = new ModelPool();
    private TrialManager trials;
    private GenerationService generation;

    @Reference
    private PluginRegistry plugins;

    /** Seconds that an interactive trial waits for a replacement of a plug-in that went away. */
    private static final String WAIT_PROPERTY = "attune.replacement.seconds";

    @Activate
    void start(BundleContext context) {
        String wait = context.getProperty(WAIT_PROPERTY);
        trials = new TrialManager(
                plugins,
                this,
                pool,
                resources(context),
                Duration.ofSeconds(wait == null ? 300 : Long.parseLong(wait)),
                listeners);
        generation = new GenerationService(plugins, this, pool);
        registrations.add(context.registerService(Generation.class, generation, null));
        registrations.add(context.registerService(Trials.class, trials, null));
        registrations.add(context.registerService(TraceReplay.class, new Replayer(plugins, this, pool), null));
        registrations.add(context.registerService(ModelMerge.class, new Merger(plugins, this, pool), null));
        registrations.add(context.registerService(AdapterCombination.class, new Combiner(plugins), null));
        registrations.add(context.registerService(ModelExport.class, new Exports(this, pool, exporters), null));
        registrations.add(context.registerService(Studies.class, new StudyReader(), null));
        registrations.add(context.registerService(Catalogue.class, new CatalogueService(plugins, this, pool), null));
    }

    private static Path resources(BundleContext context) {
        String resources = context.getProperty("attune.resources");
        String home = context.getProperty("attune.home");
        return resources != null
                ? Path.of(resources)
                : Path.of(home == null ? "" : home).resolve("resources");
    }

    @Deactivate
    void stop() throws InterruptedException {
        registrations.forEach(ServiceRegistration::unregister);
        registrations.clear();
        generation.close();
        trials.close();
        pool.close();
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addEngine(TensorEngine engine, Map<String, Object> properties) {
        int ranking = properties.get(Constants.SERVICE_RANKING) instanceof Integer i ? i : 0;
        engines.put(engine, new RankedEngine(Instrumented.of(engine), ranking));
    }

    /** Called before the engine goes: its trials still reach their checkpoint. */
    void removeEngine(TensorEngine engine) throws InterruptedException {
        TensorEngine measured = engines.remove(engine).measured();
        if (trials != null) {
            generation.engineLeaves(measured);
            trials.engineLeaves(measured);
        }
        pool.clear(measured);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addLoader(ModelLoader loader) {
        pool.add(loader);
    }

    void removeLoader(ModelLoader loader) {
        pool.remove(loader);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addExporter(ModelExporter exporter) {
        exporters.add(exporter);
    }

    void removeExporter(ModelExporter exporter) {
        exporters.remove(exporter);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addListener(TrialListener listener) {
        listeners.add(listener);
    }

    void removeListener(TrialListener listener) {
        listeners.remove(listener);
    }

    @Override
    public Optional<TensorEngine> find(String name) {
        return list().stream().filter(e -> e.name().equals(name)).findFirst();
    }

    @Override
    public List<TensorEngine> list() {
        return engines.values().stream()
                .sorted(Comparator.comparingInt(RankedEngine::ranking).reversed())
                .map(RankedEngine::measured)
                .toList();
    }
}
