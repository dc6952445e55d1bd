package org.attune.kernel.trial;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.attune.evaluation.Score;
import org.attune.kernel.optim.WeightAverage;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.plugins.PluginLease;
import org.attune.kernel.run.AdapterFolder;
import org.attune.kernel.run.Checkpoint;
import org.attune.kernel.run.CheckpointStore;
import org.attune.kernel.run.DurableFiles;
import org.attune.kernel.run.JsonLines;
import org.attune.kernel.run.PeakMemory;
import org.attune.kernel.run.Position;
import org.attune.kernel.run.Provenance;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.SpecReader;
import org.attune.kernel.spec.SpecWriter;
import org.attune.kernel.spec.TrialSpec;
import org.attune.kernel.step.Note;
import org.attune.kernel.step.Optimisation;
import org.attune.kernel.step.ParameterStore;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;
import org.attune.trial.TrialReport;
import org.osgi.framework.Bundle;
import org.osgi.framework.FrameworkUtil;

/**
 * A run folder: everything that repeats a run, and what it gave. {@code spec.yaml} as resolved, {@code provenance.json},
 * {@code metrics.jsonl}, {@code checkpoint/}, {@code adapter/}, {@code report.json}.
 */
final class RunRecord {
    private static final System.Logger LOG = System.getLogger(RunRecord.class.getName());
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    private static final String SPEC = "spec.yaml";
    private static final String METRICS = "metrics.jsonl";
    private static final String REPORT = "report.json";

    private static final String PARAMETER = "parameter.";
    private static final String START = "start.";
    private static final String MOMENT = "moment.";
    private static final String STATE = "state.";
    private static final String SPEC_TEXT = "spec";
    private static final String MERGED = "merged";

    private final Path folder;
    private TrialSpec spec;
    /** Whether the method was replaced, so that {@link #spec} is not the one that the run began with. */
    private boolean exchanged;

    private final CheckpointStore checkpoints;
    private RunLock lock;
    private JsonLines metrics;
    private long checkpointStep = -1;
    private Provenance provenance;
    /** Plug-ins in this sitting's provenance, or to be put there when it begins. */
    private final Set<PluginLease.Origin> used = new LinkedHashSet<>();

    private RunRecord(Path folder, TrialSpec spec) {
        this.folder = folder;
        this.spec = spec;
        this.checkpoints =
                new CheckpointStore(folder.resolve("checkpoint"), line -> LOG.log(System.Logger.Level.WARNING, line));
    }

    /**
     * A new folder {@code output/NAME-DATE-TIME}.
     *
     * @param spec as resolved
     * @throws UserError if it cannot be made
     */
    static RunRecord create(TrialSpec spec) {
        String stamp = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").format(LocalDateTime.now(ZoneId.systemDefault()));
        for (int n = 1; ; n++) {
            Path folder = spec.output().resolve(spec.name() + "-" + stamp + (n == 1 ? "" : "-" + n));
            try {
                Files.createDirectories(spec.output());
                Files.createDirectory(folder);
            } catch (FileAlreadyExistsException e) {
                if (Files.isDirectory(spec.output())) {
                    continue; // another trial took the name within this second
                }
                throw new UserError(
                        "output folder " + spec.output()
                                + ": there is a file of this name; choose another with output:",
                        e);
            } catch (IOException e) {
                throw new UserError(
                        "output folder " + spec.output() + ": cannot make a run folder there (" + e.getMessage()
                                + "); choose a writable one with output:",
                        e);
            }
            RunRecord record = new RunRecord(folder, spec);
            record.lock = RunLock.take(folder);
            write(folder, new SpecWriter().write(spec));
            record.metrics = JsonLines.create(folder.resolve(METRICS));
            return record;
        }
    }

    /**
     * The folder of an earlier run.
     *
     * @throws UserError if it is none
     */
    static RunRecord open(Path folder) {
        if (!Files.isRegularFile(folder.resolve(SPEC))) {
            throw new UserError(folder + ": not a run folder, it has no " + SPEC);
        }
        if (Files.exists(folder.resolve(REPORT))) {
            throw new UserError(folder + ": this run is complete, there is nothing to resume; see its " + REPORT);
        }
        CheckpointStore checkpoints = new CheckpointStore(folder.resolve("checkpoint"), line -> {});
        Optional<String> inForce = checkpoints
                .latest()
                .flatMap(c -> Optional.ofNullable(
                        c.position().history().path(SPEC_TEXT).textValue()));
        inForce.ifPresent(text -> write(folder, text)); // a crash may have come between the two files
        RunRecord record = new RunRecord(folder, new SpecReader().read(folder.resolve(SPEC), Map.of()));
        record.exchanged = inForce.isPresent();
        return record;
    }

    private static void write(Path folder, String spec) {
        DurableFiles.write(folder.resolve(SPEC), spec.getBytes(StandardCharsets.UTF_8));
    }

    Path folder() {
        return folder;
    }

    TrialSpec spec() {
        return spec;
    }

    // ---- checkpoints ----

    /** The step of the last checkpoint; -1 before the first. */
    long checkpointStep() {
        return checkpointStep;
    }

    /**
     * What a checkpoint holds beside the tensors.
     *
     * @param updates steps that changed the parameters: all but those which loss scaling skipped
     * @param evaluated the step of the last evaluation; -1 before the first
     * @param average how many parameters are in the averages
     * @param optimisation its loss scale, and what is frozen
     * @param cache how far the kept prefixes go
     */
    record State(
            long step,
            long updates,
            int epoch,
            long offset,
            double trainSeconds,
            double evaluationSeconds,
            long examples,
            long tokens,
            long evaluated,
            ObjectNode earlyStop,
            ObjectNode plateau,
            ObjectNode average,
            ObjectNode optimisation,
            ObjectNode cache) {}

    /** @param best whether this is the best state so far, to be given by {@link #best} */
    void save(State state, ParameterStore parameters, Map<String, Tensor> moments, boolean best) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        parameters.all().forEach((name, t) -> tensors.put(PARAMETER + name, t));
        parameters.starts().forEach((name, t) -> tensors.put(START + name, t));
        parameters.states().forEach((name, t) -> tensors.put(STATE + name, t));
        moments.forEach((name, t) -> tensors.put(MOMENT + name, t));
        ObjectNode history = JSON.createObjectNode()
                .put("evaluation_seconds", state.evaluationSeconds())
                .put("evaluated", state.evaluated())
                .put("journal_bytes", metrics.length());
        history.set("early_stopping", state.earlyStop());
        history.set("plateau", state.plateau());
        history.set("average", state.average());
        history.set("optimisation", state.optimisation());
        history.set("cache", state.cache());
        if (exchanged) {
            history.put(SPEC_TEXT, new SpecWriter().write(spec));
        }
        parameters.merged().forEach(history.withArray(MERGED)::add);
        metrics.sync();
        checkpoints.write(
                new Position(
                        state.step(),
                        state.epoch(),
                        state.offset(),
                        state.updates(),
                        state.trainSeconds(),
                        state.examples(),
                        state.tokens(),
                        history),
                tensors,
                best);
        checkpointStep = state.step();
    }

    /** The state that a resumed run begins from. */
    final class Saved {
        private final Checkpoint checkpoint;

        private Saved(Checkpoint checkpoint) {
            this.checkpoint = checkpoint;
        }

        State state() {
            Position p = checkpoint.position();
            return new State(
                    p.step(),
                    p.optimizerStep(),
                    p.epoch(),
                    p.offset(),
                    p.seconds(),
                    p.history().path("evaluation_seconds").asDouble(),
                    p.examples(),
                    p.tokens(),
                    p.history().path("evaluated").asLong(-1),
                    p.history().withObject("/early_stopping"),
                    p.history().withObject("/plateau"),
                    p.history().withObject("/average"),
                    p.history().withObject("/optimisation"),
                    p.history().withObject("/cache"));
        }

        /** Gives the tensors of a new store their values. */
        void loadInto(ParameterStore parameters) {
            parameters.restore(checkpoint.values(PARAMETER), checkpoint.values(START));
            parameters.restoreStates(checkpoint.values(STATE));
            List<String> merged = new ArrayList<>();
            checkpoint.position().history().path(MERGED).forEach(name -> merged.add(name.asText()));
            parameters.restoreMerged(merged);
        }

        /** Overwrites live moments. */
        void loadMoments(Map<String, Tensor> moments) {
            Map<String, Tensor> named = new LinkedHashMap<>();
            moments.forEach((name, t) -> named.put(MOMENT + name, t));
            checkpoint.load(named);
        }

        /** Step and loss of all steps before. */
        List<double[]> curve() {
            List<double[]> curve = new ArrayList<>();
            try {
                for (String line : Files.readAllLines(folder.resolve(METRICS))) {
                    JsonNode json = JSON.readTree(line);
                    if (json.has("loss")) {
                        curve.add(new double[] {
                            json.get("step").asLong(), json.get("loss").asDouble()
                        });
                    }
                }
            } catch (IOException e) {
                throw UserError.cannot("read", folder.resolve(METRICS), e);
            }
            return curve;
        }
    }

    /**
     * The last whole checkpoint; the journal goes on from there. Empty where the run ended before its first: it begins anew.
     *
     * @throws UserError if no checkpoint is whole, or another process uses the folder
     */
    Optional<Saved> load() {
        lock = RunLock.take(folder);
        Optional<Checkpoint> latest = checkpoints.latest();
        if (latest.isEmpty()) {
            metrics = JsonLines.create(folder.resolve(METRICS));
            return Optional.empty();
        }
        Checkpoint checkpoint = latest.get();
        checkpointStep = checkpoint.position().step();
        metrics = JsonLines.resume(
                folder.resolve(METRICS),
                checkpointStep,
                checkpoint.position().history().path("journal_bytes").asLong(Long.MAX_VALUE));
        return Optional.of(new Saved(checkpoint));
    }

    /** The parameters' best values, which are their averages where there are some. */
    Map<String, double[]> best() {
        Checkpoint best = checkpoints.best().orElseThrow(() -> new IllegalStateException("no best checkpoint"));
        Map<String, double[]> values = new LinkedHashMap<>(best.values(PARAMETER));
        values.putAll(best.values(MOMENT + WeightAverage.AVERAGE));
        return values;
    }

    // ---- provenance ----

    /**
     * Begins this sitting's record.
     *
     * @param dataFingerprint of the examples; a resumed run must find the same
     */
    void provenance(
            ModelPool.Lease model, String dataFingerprint, TensorEngine engine, List<PluginLease.Origin> plugins) {
        Path file = folder.resolve("provenance.json");
        DType precision = spec.precision().orElse(engine.dtype());
        provenance = Files.exists(file)
                ? Provenance.resume(file, version(), engine, precision, Clock.systemUTC())
                : new Provenance(version(), engine, precision, Clock.systemUTC());
        unchanged("data", dataFingerprint);
        unchanged("model", model.model().fingerprint());
        provenance.seed("spec", spec.seed());
        provenance.source("data", spec.data().name(), dataFingerprint);
        provenance.source("model", model.source(), model.model().fingerprint());
        for (int i = 0; i < spec.adapters().size(); i++) {
            String adapter = "adapters." + i;
            spec.adapters()
                    .get(i)
                    .from()
                    .forEach((part, saved) -> provenance.source(
                            part.equals(PluginRef.SINGLE) ? adapter : adapter + "." + part,
                            saved.toString(),
                            AdapterFolder.fingerprint(saved)));
        }
        used.addAll(plugins);
        used.forEach(p -> provenance.plugin(p, Math.max(0, checkpointStep)));
        provenance.write(file);
    }

    private void unchanged(String what, String fingerprint) {
        String before = provenance.fingerprint(what);
        if (before != null && !before.equals(fingerprint)) {
            throw new UserError(folder + ": the " + what + " changed since this run began (fingerprint " + before
                    + ", now " + fingerprint + "); put the former back, or start the run anew");
        }
    }

    private static String version() {
        Bundle bundle = FrameworkUtil.getBundle(RunRecord.class);
        return bundle == null ? "on the class path" : bundle.getVersion().toString();
    }

    // ---- the journal ----

    /** @param done the loss scale is written where there is one, and a skipped step has no norm */
    void step(long step, Optimisation.Step done, double lr, Tally tally) {
        ObjectNode line = JSON.createObjectNode().put(JsonLines.STEP, step).put("loss", done.loss());
        if (done.outcome() == Optimisation.Outcome.SKIPPED) {
            line.putNull("grad_norm").put("skipped", true);
        } else {
            line.put("grad_norm", done.norm());
        }
        if (done.scale() != 1) {
            line.put("loss_scale", done.scale());
        }
        metrics.append(line.put("lr", lr)
                .put("examples", tally.examples())
                .put("tokens", tally.tokens())
                .put("seconds", Math.round(tally.trainSeconds() * 1000) / 1000.0));
    }

    /** What an adapter did to what is trained, after so many steps. */
    void note(long step, Note note) {
        ObjectNode line = JSON.createObjectNode().put(JsonLines.STEP, step);
        line.set(note.name(), JSON.valueToTree(note.value()));
        metrics.append(line);
    }

    void evaluation(long step, String split, List<Score> scores) {
        ObjectNode line = JSON.createObjectNode().put(JsonLines.STEP, step).put("split", split);
        ObjectNode values = line.putObject("scores");
        scores.forEach(s -> {
            if (Double.isFinite(s.value())) {
                values.put(s.name(), s.value());
            } else {
                values.putNull(s.name());
            }
        });
        metrics.append(line);
    }

    /** A plug-in takes part for a moment: a data source, sampler, metric or baseline. */
    void used(long step, PluginLease.Origin plugin) {
        if (used.add(plugin) && provenance != null) {
            provenance.plugin(plugin, step);
        }
    }

    /** Plug-ins were replaced. */
    void swapped(long step, List<PluginLease.Origin> plugins) {
        plugins.forEach(p -> provenance.plugin(p, step));
        ObjectNode line = JSON.createObjectNode().put(JsonLines.STEP, step);
        ObjectNode swap = line.putObject("plugins");
        plugins.forEach(p -> swap.put(p.name(), p.bundle() + " " + p.version()));
        metrics.append(line);
    }

    /** Other adapters act from the next step on; a checkpoint has to follow, then {@link #specChanged}. */
    void exchanged(long step, List<PluginRef> refs, List<AdapterFolder.Part> adapters, String former) {
        spec = spec.withAdapters(refs);
        exchanged = true;
        provenance.segment(step, adapters, former);
        ObjectNode line = JSON.createObjectNode().put(JsonLines.STEP, step);
        line.set("adapters", JSON.valueToTree(adapters));
        metrics.append(line.put("former", former));
    }

    /** Writes the spec that holds now; the checkpoint before has it too. */
    void specChanged() {
        write(folder, new SpecWriter().write(spec));
        provenance.write(folder.resolve("provenance.json"));
    }

    // ---- a new model ----

    /** The folder of a model that the run makes. */
    Path model() {
        return folder.resolve("model");
    }

    /** Makes the folder of a new model, all of it or nothing. */
    void make(Consumer<Path> maker) {
        Path aside = folder.resolve("model.new");
        try {
            maker.accept(aside); // over what is left of an earlier attempt
            Files.move(aside, model());
        } catch (IOException e) {
            throw UserError.cannot("make", model(), e);
        }
    }

    /** Writes what a new model has learnt in place of what it began with. */
    void model(Model trained, Map<String, Tensor> parameters) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        trained.weights().forEach((name, initial) -> {
            Tensor last = parameters.getOrDefault(name, initial);
            tensors.put(name, trained.transposedInFiles(name) ? HostTensor.transposed(last) : HostTensor.single(last));
        });
        DurableFiles.write(
                model().resolve("model.safetensors"),
                aside -> TensorFiles.write(aside, tensors, Map.of("format", "pt")));
    }

    // ---- the end ----

    /**
     * Writes what was trained: in PEFT's format where the only adapter has a form there. Of several there is our own form, which holds
     * them all, and for other programs each that has one in a folder of its name.
     *
     * @param forms how adapters write themselves in PEFT's format, by their names in the trial
     * @param store all tensors of the trial
     * @param classifier paths of the model's head; saved whole where they were trained
     * @param task PEFT's word for the objective, where it has one
     * @param labels names of the head's classes
     */
    void adapter(
            Map<String, AdapterFolder.PeftForm> forms,
            List<AdapterFolder.Part> adapters,
            ParameterStore store,
            List<String> classifier,
            AdapterFolder.Base base,
            Optional<String> task,
            List<String> labels) {
        Path to = folder.resolve("adapter");
        Map<String, Tensor> parameters = store.all();
        List<String> heads = classifier.stream()
                .filter(path -> parameters.keySet().stream().anyMatch(n -> n.startsWith(path + ".")))
                .toList();
        boolean plain = store.merged().isEmpty();
        if (plain && adapters.size() == 1 && forms.size() == 1) {
            forms.values()
                    .forEach(form ->
                            adapter(to, heads, labels, () -> AdapterFolder.writePeft(to, form, base, task, heads)));
            return;
        }
        adapter(
                to,
                heads,
                labels,
                () -> AdapterFolder.writeAttune(to, parameters, adapters, store.merged(), base, heads));
        if (plain && adapters.size() > 1) {
            forms.forEach((name, form) -> {
                Path own = to.resolve(name);
                adapter(own, heads, labels, () -> AdapterFolder.writePeft(own, form, base, task, heads));
            });
        }
    }

    private static void adapter(Path to, List<String> heads, List<String> labels, Runnable writing) {
        try {
            Files.createDirectories(to);
        } catch (IOException e) {
            throw UserError.cannot("make", to, e);
        }
        writing.run();
        if (!heads.isEmpty()) {
            AdapterFolder.writeLabels(to, labels);
        }
    }

    void report(TrialReport report) {
        try {
            ObjectNode json = JSON.valueToTree(report);
            json.put("name", spec.name());
            DurableFiles.write(folder.resolve(REPORT), JSON.writeValueAsBytes(json));
        } catch (IOException e) {
            throw UserError.cannot("write", folder.resolve(REPORT), e);
        }
    }

    /** Completes the record of this sitting. */
    void close(TensorEngine engine) {
        try {
            if (provenance != null) {
                provenance.end(PeakMemory.measure(engine.stats().peakBytes()));
                provenance.write(folder.resolve("provenance.json"));
            }
        } finally {
            if (metrics != null) {
                metrics.close();
            }
            if (lock != null) {
                lock.close();
            }
        }
    }
}
