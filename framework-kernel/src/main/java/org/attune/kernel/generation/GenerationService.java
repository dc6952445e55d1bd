package org.attune.kernel.generation;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import org.attune.generation.Generation;
import org.attune.generation.Generator;
import org.attune.kernel.plugins.ConfiguredAdapter;
import org.attune.kernel.plugins.Engines;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Wiring;
import org.attune.model.WeightForm;
import org.attune.model.Weights;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;

/** Opens generators over the models of the pool. Thread-safe. */
public final class GenerationService implements Generation {
    private final PluginRegistry plugins;
    private final Engines engines;
    private final ModelPool pool;
    private final List<LoadedGenerator> open = new CopyOnWriteArrayList<>();

    public GenerationService(PluginRegistry plugins, Engines engines, ModelPool pool) {
        this.plugins = plugins;
        this.engines = engines;
        this.pool = pool;
    }

    @Override
    public Generator open(Source source) {
        if (source.threads() < 1) {
            throw new UserError("the number of threads is " + source.threads() + ", expected 1 or more");
        }
        TensorEngine engine = engines.choose(source.engine());
        Optional<TrainedFolder> trained = source.trained().map(TrainedFolder::read);
        Weights weights = source.weights()
                .or(() -> trained.map(TrainedFolder::weights)
                        .filter(w -> w.quantised().isPresent()))
                .orElse(Weights.DECODED);
        WeightForm form = Engines.form(engine, source.precision(), weights);
        String model = source.model()
                .or(() -> trained.map(TrainedFolder::model))
                .orElseThrow(() -> new UserError("no model is named, and no run folder that says which; name one"));
        Resources resources = new Resources();
        try {
            ModelPool.Lease lease = resources.add(pool.acquire(
                    model,
                    source.model().isPresent()
                            ? source.base()
                            : trained.orElseThrow().base(),
                    engine,
                    form));
            ParameterStore parameters = resources.add(new ParameterStore(engine, lease.model(), 0));
            Wiring wiring = new Wiring(lease.model());
            // A plug-in that leaves ends the generator, whose code it is.
            LoadedGenerator[] generator = new LoadedGenerator[1];
            trained.ifPresent(t -> {
                parameters.restore(t.values(lease.model()), Map.of());
                parameters.restoreMerged(t.adapter().merged());
                List<ConfiguredAdapter> adapters = resources.addAll(t.adapters(plugins, () -> end(generator[0])));
                checkNames(t, adapters, source.adapters().keySet());
                for (ConfiguredAdapter adapter : adapters) {
                    PluginRef ref = adapter.ref();
                    adapter.attach(wiring.attachment(
                            parameters.claim(Optional.empty(), ref.scope()),
                            source.adapters().getOrDefault(ref.called(), ref.active())));
                }
                if (!parameters.unclaimed().isEmpty()) {
                    throw new UserError(t.folder() + ": holds parameters that none of its adapters asks for: "
                            + String.join(", ", new TreeSet<>(parameters.unclaimed())));
                }
            });
            generator[0] = new LoadedGenerator(
                    engine, lease.model(), parameters, wiring, Optional.of(form.matrices()), source.threads(), () -> {
                        open.remove(generator[0]);
                        resources.close();
                    });
            open.add(generator[0]);
            return generator[0];
        } catch (Throwable t) {
            resources.close();
            throw t;
        }
    }

    private static void checkNames(TrainedFolder trained, List<ConfiguredAdapter> adapters, Set<String> asked) {
        List<String> names =
                adapters.stream().map(adapter -> adapter.ref().called()).toList();
        asked.stream().filter(name -> !names.contains(name)).findFirst().ifPresent(name -> {
            throw new UserError(
                    trained.folder() + ": has no adapter '" + name + "'; it has " + String.join(", ", names));
        });
    }

    private static void end(LoadedGenerator generator) {
        if (generator != null) {
            generator.close();
        }
    }

    /** Closes the generators of an engine that goes away. */
    public void engineLeaves(TensorEngine engine) {
        open.stream().filter(generator -> generator.engine() == engine).forEach(LoadedGenerator::close);
    }

    /** Closes all generators. */
    public void close() {
        open.forEach(LoadedGenerator::close);
    }

    /** What a generator holds, given back in reverse order. */
    private static final class Resources {
        private final List<AutoCloseable> held = new ArrayList<>();

        <T extends AutoCloseable> T add(T resource) {
            held.add(resource);
            return resource;
        }

        <T extends AutoCloseable> List<T> addAll(List<T> resources) {
            held.addAll(resources);
            return resources;
        }

        void close() {
            for (int i = held.size() - 1; i >= 0; i--) {
                try {
                    held.get(i).close();
                } catch (RuntimeException e) {
                    throw e;
                } catch (Exception e) {
                    throw new IllegalStateException("closing failed: " + e.getMessage(), e);
                }
            }
            held.clear();
        }
    }
}
