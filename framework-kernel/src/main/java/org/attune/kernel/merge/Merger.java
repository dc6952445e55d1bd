package org.attune.kernel.merge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.attune.kernel.plugins.Engines;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.plugins.PluginKind;
import org.attune.kernel.plugins.PluginLease;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.run.AdapterFolder;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.SpecReader;
import org.attune.kernel.spec.TrialSpec;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.attune.trial.ModelMerge;

/** Merges in the engine's own precision, whatever the run's was: the file has float32, and one rounding is better than two. */
public final class Merger implements ModelMerge {
    private static final System.Logger LOG = System.getLogger(Merger.class.getName());

    private final PluginRegistry plugins;
    private final Engines engines;
    private final ModelPool pool;

    public Merger(PluginRegistry plugins, Engines engines, ModelPool pool) {
        this.plugins = plugins;
        this.engines = engines;
        this.pool = pool;
    }

    @Override
    public Outcome merge(Path run, Path to) {
        if (!Files.isRegularFile(run.resolve("spec.yaml"))) {
            throw new UserError(run + ": not a run folder, it has no spec.yaml");
        }
        if (!Files.isDirectory(run.resolve("adapter"))) {
            throw new UserError(run + ": has no adapter yet; a run has one when it is complete");
        }
        if (Files.exists(to)) {
            throw new UserError(to + ": is there already; name a folder that is not");
        }
        TrialSpec spec = new SpecReader().read(run.resolve("spec.yaml"), Map.of());
        AdapterFolder adapter = AdapterFolder.read(run.resolve("adapter"));
        if (spec.weights().quantised().isPresent()) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "{0}: was trained on a base model quantised to {1}; its adapter is merged into the weights of the file, so"
                            + " that the merged model is not quite the one that was trained: measure it",
                    run,
                    spec.weights().written());
        }
        TensorEngine engine = engines.find(spec.engine())
                .or(() -> engines.list().stream().findFirst())
                .orElseThrow(() -> new UserError("no tensor engine is there"));
        Path aside = to.toAbsolutePath().resolveSibling("." + to.getFileName() + ".new");
        try (Leases leases = new Leases();
                ModelPool.Lease lease =
                        pool.acquire(spec.model(), spec.base(), engine, WeightForm.decoded(engine.dtype()));
                ParameterStore parameters = new ParameterStore(engine, lease.model(), spec.seed())) {
            Map<String, byte[]> files = lease.files()
                    .orElseThrow(() -> new UserError("model " + lease.source()
                            + ": has no config.json and tokenizer.json that a folder could be made with"));
            parameters.restore(adapter.values(lease.model(), spec.savedScope()), Map.of());
            parameters.restoreMerged(adapter.merged());
            Wiring wiring = new Wiring(lease.model());
            for (PluginRef ref : spec.adapters()) {
                attach(leases.of(ref), ref, spec.base(), wiring, parameters);
            }
            boolean classes = head(adapter, lease.model(), parameters);
            Probe probe = new Probe(lease.model(), classes);
            double[] expected = logits(engine, probe, parameters, wiring);

            Files.createDirectories(aside);
            MergedWeights weights = new MergedWeights(lease.model(), parameters, wiring);
            int changed = weights.write(aside.resolve("model.safetensors"), engine);
            for (Map.Entry<String, byte[]> file : files.entrySet()) {
                Files.write(aside.resolve(file.getKey()), file.getValue());
            }
            ModelCard card = new ModelCard(files.get("config.json"));
            Files.write(
                    aside.resolve("config.json"),
                    classes ? card.forClasses(labels(run, parameters, lease.model())) : card.plain());

            Outcome outcome = compared(to, changed, expected, merged(engine, aside, classes));
            Files.move(aside, to, StandardCopyOption.ATOMIC_MOVE);
            return outcome;
        } catch (IOException e) {
            throw UserError.cannot("write", to, e);
        } finally {
            delete(aside);
        }
    }

    private <O extends Record> void attach(
            Adapter<O> adapter, PluginRef ref, Path base, Wiring wiring, ParameterStore parameters) {
        O options = new OptionBinder().bind(ref, PluginKind.ADAPTER.label(), adapter.options(), base);
        adapter.attach(options, wiring.attachment(parameters.claim(Optional.empty(), ref.scope()), ref.active()));
    }

    /**
     * Takes the trained head for classes, where there is one.
     *
     * @return whether there is
     */
    private static boolean head(AdapterFolder adapter, Model model, ParameterStore parameters) {
        ParameterStore.Claim claim = parameters.claim(Optional.empty());
        adapter.tensors().forEach((name, t) -> {
            if (AdapterFolder.inHead(name, model)) {
                claim.parameter(name, t.shape(), Initializer.constant(0));
            }
        });
        if (!parameters.unclaimed().isEmpty()) {
            throw new UserError("the adapter holds parameters that no adapter of its spec asks for: "
                    + String.join(", ", new TreeSet<>(parameters.unclaimed())));
        }
        return !claim.claimed().isEmpty();
    }

    private static List<String> labels(Path run, ParameterStore parameters, Model model) {
        int classes = parameters
                .find(model.classifierPath() + ".weight")
                .map(w -> w.shape().dim(0))
                .orElseThrow(() -> new UserError(run + ": its adapter has a part of a head for classes alone"));
        return AdapterFolder.labels(run.resolve("adapter"))
                .orElseGet(() ->
                        IntStream.range(0, classes).mapToObj(i -> "LABEL_" + i).toList());
    }

    private double[] merged(TensorEngine engine, Path folder, boolean classes) {
        try (Model model = pool.load(folder.toString(), folder, engine, WeightForm.decoded(engine.dtype()));
                ParameterStore none = new ParameterStore(engine, model, 0)) {
            return logits(engine, new Probe(model, classes), none, new Wiring(model));
        }
    }

    private static double[] logits(TensorEngine engine, Probe probe, ParameterStore parameters, Wiring wiring) {
        try (Workers workers = new Workers(1, "attune-merge");
                Stepper stepper = new Stepper(
                        engine, probe.model(), parameters, workers, new StepSettings(1, Integer.MAX_VALUE, 0))) {
            return stepper.logits(new Session(probe, wiring, List.of()), probe.samples());
        }
    }

    private static Outcome compared(Path to, int changed, double[] expected, double[] found) {
        double difference = expected.length == found.length ? 0 : Double.NaN;
        double largest = 0;
        for (int i = 0; i < Math.min(expected.length, found.length); i++) {
            difference = Math.max(difference, Math.abs(expected[i] - found[i])); // a NaN stays
            largest = Math.max(largest, Math.abs(expected[i]));
        }
        if (!(difference <= TOLERANCE * largest)) {
            throw new UserError(
                    to + ": is not written, for logits of the merged model differ from those of the model with"
                            + " adapters by up to " + difference + ", where the largest is " + largest);
        }
        return new Outcome(to, changed, difference, largest);
    }

    private static void delete(Path folder) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw UserError.cannot("delete", folder, e);
        }
    }

    /** The adapters in use. A merge takes seconds, and is begun anew where a plug-in left. */
    private final class Leases implements AutoCloseable {
        private final List<PluginLease<Adapter<?>>> leases = new ArrayList<>();

        Adapter<?> of(PluginRef ref) {
            PluginLease<Adapter<?>> lease = plugins.find(PluginKind.ADAPTER, ref, () -> {})
                    .orElseThrow(() -> new UserError("no adapter '" + ref + "' is installed"));
            leases.add(lease);
            return lease.plugin();
        }

        @Override
        public void close() {
            leases.forEach(PluginLease::close);
        }
    }
}
