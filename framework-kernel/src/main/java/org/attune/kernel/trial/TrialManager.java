package org.attune.kernel.trial;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.attune.kernel.plugins.Engines;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.plugins.PluginKind;
import org.attune.kernel.plugins.PluginLease;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.spec.NearestName;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.Schedule;
import org.attune.kernel.spec.SpecReader;
import org.attune.kernel.spec.TrialSpec;
import org.attune.model.WeightForm;
import org.attune.plugin.Plugin;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;
import org.attune.training.Adapter;
import org.attune.trial.Catalogue.PluginInfo;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.TrialState;
import org.attune.trial.Trials;

/** Starts trials, each on a thread of its own. */
public final class TrialManager implements Trials {
    private static final System.Logger LOG = System.getLogger(TrialManager.class.getName());
    private static final Duration DRAIN = Duration.ofSeconds(30);

    private final PluginRegistry plugins;
    private final Engines engines;
    private final ModelPool pool;
    private final Path resources;
    private final Duration replacement;
    private final List<TrialListener> listeners;
    private final List<TrialRun> runs = new CopyOnWriteArrayList<>();
    /** Of trials that have not ended. */
    private final List<Thread> threads = new CopyOnWriteArrayList<>();

    private boolean closed;

    /**
     * @param resources the folder of data files that come with the distribution
     * @param replacement how long a trial waits for a replacement of a plug-in that went away
     * @param listeners told what happens; may change at any time
     */
    public TrialManager(
            PluginRegistry plugins,
            Engines engines,
            ModelPool pool,
            Path resources,
            Duration replacement,
            List<TrialListener> listeners) {
        this.plugins = plugins;
        this.engines = engines;
        this.pool = pool;
        this.resources = resources;
        this.replacement = replacement;
        this.listeners = listeners;
    }

    @Override
    public Trial start(Path spec, Map<String, String> overrides, boolean waitForPlugins, boolean profile) {
        TrialSpec written = new SpecReader().read(spec, overrides);
        check(written);
        TensorEngine engine = engines.choose(written.engine());
        TrialSpec resolved = resolved(written, engine);
        return launch(
                resolved, RunRecord.create(resolved), engine, waitForPlugins, new TrialRun.Manner(false, profile));
    }

    @Override
    public Trial resume(Path runFolder, boolean waitForPlugins) {
        RunRecord record = RunRecord.open(runFolder);
        TensorEngine engine = engines.choose(record.spec().engine());
        // What adapters began from is in the checkpoint; the folders may have gone.
        TrialSpec spec = inPrecision(record.spec().withPlugins((kind, ref) -> ref.withoutFrom()), engine);
        resolved(spec, engine); // all plug-ins must be there, and still take these options
        return launch(spec, record, engine, waitForPlugins, new TrialRun.Manner(true, false));
    }

    /** @throws UserError if parts of the spec ask for an evaluation that there will not be */
    private static void check(TrialSpec spec) {
        Map<String, String> watched = new LinkedHashMap<>();
        spec.earlyStopping().ifPresent(stopping -> watched.put("early_stopping", stopping.metric()));
        if (spec.schedule() instanceof Schedule.Plateau plateau) {
            watched.put("schedule: plateau", plateau.metric());
        }
        if (spec.evaluate().split().isEmpty()) {
            String asked = !watched.isEmpty()
                    ? watched.keySet().iterator().next()
                    : spec.evaluate().every() > 0
                            ? "evaluate.every"
                            : spec.baselines().isEmpty() ? "" : "baselines";
            if (!asked.isEmpty()) {
                throw new UserError(
                        asked + " needs examples to evaluate, but evaluate.split is empty; name a split, for"
                                + " example evaluate.split: test");
            }
        }
        watched.forEach((who, metric) -> {
            if (spec.evaluate().every() == 0) {
                throw new UserError(who + " needs evaluations while training goes on, but evaluate.every is 0; set it"
                        + " to a number of steps");
            }
            if (spec.evaluate().metrics().isEmpty()) {
                throw new UserError(who + " watches '" + metric
                        + "', but evaluate.metrics is empty; name the metric that gives it");
            }
        });
    }

    private synchronized Trial launch(
            TrialSpec spec, RunRecord record, TensorEngine engine, boolean waitForPlugins, TrialRun.Manner manner) {
        if (closed) {
            throw new IllegalStateException("the kernel has stopped");
        }
        String id = Integer.toString(runs.size() + 1);
        TrialRun run = new TrialRun(
                id,
                spec,
                record,
                engine,
                new TrialRun.Services(
                        plugins,
                        pool,
                        resources,
                        this::tell,
                        new StepGate.Limits(DRAIN, waitForPlugins ? replacement : Duration.ZERO)),
                manner);
        runs.add(run);
        if (!engines.list().contains(engine)) { // it left before engineLeaves could see this trial
            run.stop(gone(engine));
        }
        Thread thread = new Thread(
                () -> {
                    try {
                        run.run();
                    } finally {
                        threads.remove(Thread.currentThread());
                    }
                },
                "attune-trial-" + id);
        threads.add(thread);
        thread.start();
        return run;
    }

    private void tell(Consumer<TrialListener> event) {
        for (TrialListener listener : listeners) {
            try {
                event.accept(listener);
            } catch (RuntimeException | LinkageError e) { // the latter where its bundle was just stopped
                LOG.log(System.Logger.Level.WARNING, "a trial listener failed", e);
            }
        }
    }

    private <P extends Plugin<?>> PluginLease<P> lease(PluginKind<P> kind, PluginRef ref) {
        return plugins.find(kind, ref, () -> {}).orElseThrow(() -> {
            List<String> known =
                    plugins.list(kind).stream().map(PluginInfo::name).distinct().toList();
            String asked = ref.name() + ref.version().map(v -> "@" + v).orElse("");
            return new UserError(ref.options().place() + ": no " + kind.label() + " '" + asked + "' is installed"
                    + NearestName.question(ref.name(), known) + " Installed: "
                    + (known.isEmpty() ? "none" : String.join(", ", known)));
        });
    }

    /**
     * The spec with the engine, the precision and every plug-in's options as bound, defaults included: what the run folder keeps.
     *
     * @throws UserError if a plug-in is not there, or does not take its options, or the engine lacks the precision or
     *     keeps no blocks
     */
    private TrialSpec resolved(TrialSpec spec, TensorEngine engine) {
        return inPrecision(spec, engine).withPlugins((key, ref) -> resolved(kind(key), ref, spec.base()));
    }

    private static TrialSpec inPrecision(TrialSpec spec, TensorEngine engine) {
        WeightForm form = Engines.form(engine, spec.precision(), spec.weights());
        return spec.withEngine(engine.name(), form.matrices());
    }

    /** The kind of plug-in that a spec names under {@code key}. */
    private static PluginKind<?> kind(String key) {
        return key.equals("data")
                ? PluginKind.DATA
                : PluginKind.ALL.stream()
                        .filter(k -> k.label().equals(key))
                        .findFirst()
                        .orElseThrow(() -> new IllegalArgumentException("no kind of plug-in '" + key + "'"));
    }

    private <P extends Plugin<?>> PluginRef resolved(PluginKind<P> kind, PluginRef ref, Path base) {
        try (PluginLease<P> lease = lease(kind, ref)) {
            OptionBinder binder = new OptionBinder();
            PluginRef whole =
                    lease.plugin() instanceof Adapter<?> adapter ? SavedAdapters.withOptions(ref, adapter) : ref;
            return whole.withOptions(binder.describe(
                    binder.bind(whole, kind.label(), lease.plugin().options(), base)));
        }
    }

    @Override
    public void swap(String id, String adapter, Map<String, String> options, Former former) {
        TrialRun run = running(id);
        TrialSpec spec = run.spec();
        if (spec.newModel().isPresent()) {
            throw new UserError("trial " + id + " makes a new model, whose own weights are all that it trains");
        }
        Map<String, String> overrides = new LinkedHashMap<>();
        overrides.put("adapters", "[" + adapter + "]");
        options.forEach((key, value) -> overrides.put("adapters.0." + key, value));
        TrialSpec wanted = new SpecReader().read(run.folder().resolve("spec.yaml"), overrides);
        List<PluginRef> refs = wanted.adapters().stream()
                .map(ref -> resolved(PluginKind.ADAPTER, ref, spec.base()))
                .toList();
        if (refs.stream().anyMatch(ref -> !ref.from().isEmpty())) {
            throw new UserError("--set from: a method that is swapped in begins anew");
        }
        run.ask(new MethodSwap(refs, former));
    }

    @Override
    public void turn(String id, String adapter, boolean on) {
        running(id).ask(new AdapterSwitch(adapter, on));
    }

    /** The trial, whose adapters are to change. */
    private TrialRun running(String id) {
        TrialRun run = runs.stream()
                .filter(r -> r.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new UserError("no trial '" + id + "'"));
        if (run.state() == TrialState.PAUSED || run.state() == TrialState.WAITING) {
            throw new UserError("trial " + id + " is " + run.state().name().toLowerCase(Locale.ROOT)
                    + "; only a running one's adapters are changed, so let it go on first");
        }
        return run;
    }

    @Override
    public List<Trial> list() {
        return List.copyOf(runs);
    }

    @Override
    public Optional<Trial> find(String id) {
        return runs.stream().filter(r -> r.id().equals(id)).map(r -> (Trial) r).findFirst();
    }

    @Override
    public void stopAll() throws InterruptedException {
        stop(runs, "stopped");
    }

    /** Suspends the trials of an engine that goes away. */
    public void engineLeaves(TensorEngine engine) throws InterruptedException {
        stop(runs.stream().filter(r -> r.engine() == engine).toList(), gone(engine));
    }

    private static String gone(TensorEngine engine) {
        return "engine '" + engine.name() + "' went away";
    }

    private void stop(List<TrialRun> trials, String reason) throws InterruptedException {
        List<TrialRun> running = trials.stream().filter(r -> !r.state().ended()).toList();
        running.forEach(r -> r.stop(reason));
        for (TrialRun run : running) {
            run.await(Duration.ofMinutes(10));
        }
    }

    /** Stops all trials and waits for their threads; no other can be started. */
    public void close() throws InterruptedException {
        synchronized (this) {
            closed = true;
        }
        stopAll();
        for (Thread thread : new ArrayList<>(threads)) {
            thread.join();
        }
    }
}
