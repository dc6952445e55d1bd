package org.attune.kernel.trial;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.attune.data.DataSet;
import org.attune.data.DataSource;
import org.attune.evaluation.Prediction;
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.optim.LearningRate;
import org.attune.kernel.optim.LossScaling;
import org.attune.kernel.optim.Pace;
import org.attune.kernel.optim.Updater;
import org.attune.kernel.optim.WeightAverage;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.plugins.PluginKind;
import org.attune.kernel.plugins.PluginLease;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.profile.Recording;
import org.attune.kernel.run.AdapterFolder;
import org.attune.kernel.run.PeakMemory;
import org.attune.kernel.spec.ModelPlan;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.TrialSpec;
import org.attune.kernel.step.Course;
import org.attune.kernel.step.Note;
import org.attune.kernel.step.Observation;
import org.attune.kernel.step.Optimisation;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.PrefixCache;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.WeightForm;
import org.attune.plugin.Plugin;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.Rng;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.training.Adapter;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.attune.trial.CacheStats;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.TrialReport;
import org.attune.trial.TrialState;

/**
 * One trial. Its thread runs {@link #run}; commands come from other threads; plug-ins leave on the framework's.
 *
 * <p>Plug-in code runs inside the {@linkplain StepGate step gate}. Whoever takes a plug-in away drops the session there. The next step
 * finds none, waits for a replacement and opens a new one over the same parameters.
 */
final class TrialRun implements Trial, StepGate.Owner, Runnable {
    private static final System.Logger LOG = System.getLogger(TrialRun.class.getName());
    private static final int EVALUATION_CHUNK = 512;

    /** What a trial takes from the kernel. */
    record Services(
            PluginRegistry plugins,
            ModelPool pool,
            Path resources,
            Consumer<Consumer<TrialListener>> listeners,
            StepGate.Limits limits) {}

    /**
     * @param resumed whether the run folder has an earlier sitting's state
     * @param profiled whether this sitting is profiled
     */
    record Manner(boolean resumed, boolean profiled) {}

    private final String id;
    private final TrialSpec spec;
    private final RunRecord record;
    private final Services services;
    private final Manner manner;

    private final StepGate gate;
    private final PluginSet plugins;

    // Touched by the trial's thread alone; given up when the trial has ended, for the trial itself is kept for its
    // report.
    private ModelPool.Lease model;
    private Workers workers;
    private ParameterStore parameters;
    private Materials materials;
    /** Open while the materials are read from it. */
    private DataSet data;

    private Stepper stepper;
    private Scoring scoring;
    /** Null unless this sitting is profiled. */
    private Recording recording;

    private Updater optimizer;
    private WeightAverage average;
    private Optional<LossScaling> scaling = Optional.empty();
    private Optimisation optimisation;
    private SampleOrder order;
    private EarlyStop earlyStop;
    private Plateau plateau;
    private Scoring.Evaluation latest;
    /** The step of the last evaluation. */
    private long evaluated = -1;

    private boolean prepared;
    private long step;
    private Course course = new Course(0, 0);
    private Tally tally = new Tally();

    /** Opened and used inside the gate; dropped by whoever takes a plug-in away, inside the gate unless that wait was too long. */
    private volatile Session session;

    private volatile TensorEngine engine;
    private volatile PrefixCache cache;
    private volatile CacheStats cacheStats = CacheStats.NONE;
    private volatile TrialState state = TrialState.PREPARING;
    private volatile String message = "";
    private volatile Progress progress = new Progress(0, 0, 0, Double.NaN, 0, 0, 0, Duration.ZERO, null);
    private volatile Throwable failure;
    private volatile TrialReport report;
    private final AtomicReference<Wish> wish = new AtomicReference<>();
    /** Whether the last listener was told of the end. */
    private volatile boolean over;

    TrialRun(String id, TrialSpec spec, RunRecord record, TensorEngine engine, Services services, Manner manner) {
        this.id = id;
        this.spec = spec;
        this.record = record;
        this.engine = engine;
        this.services = services;
        this.manner = manner;
        this.gate = new StepGate(this, services.limits());
        this.plugins = new PluginSet(services.plugins(), spec, this::leaving, this::observe);
    }

    // ---- the trial's thread ----

    @Override
    public void run() {
        PluginRegistry.Subscription arrivals = services.plugins().onArrival(gate::wake);
        try {
            prepare();
            train();
            end(TrialState.COMPLETED, finish());
        } catch (Suspension s) {
            endSuspended(s.getMessage());
        } catch (RuntimeException | Error e) {
            endFailed(e);
        } finally {
            arrivals.close();
        }
    }

    private void endSuspended(String reason) {
        try {
            if (prepared) {
                save();
                end(TrialState.SUSPENDED, reason + "; checkpoint at step " + step + " of " + course.steps());
            } else {
                end(TrialState.SUSPENDED, reason + "; before the first step of this sitting");
            }
        } catch (RuntimeException | Error e) {
            endFailed(e);
        }
    }

    private void endFailed(Throwable e) {
        failure = e;
        boolean mistake = e instanceof UserError;
        if (!mistake) {
            LOG.log(System.Logger.Level.ERROR, "trial " + id + " failed", e);
        }
        end(TrialState.FAILED, mistake ? e.getMessage() : e.toString());
    }

    private void end(TrialState last, String why) {
        gate.lock();
        try {
            session = null;
        } finally {
            gate.unlock();
        }
        close(plugins); // outside the gate, for it may wait for a thread that waits for the gate
        close(recording);
        close(stepper);
        if (cache != null) {
            cacheStats = cache.stats();
            close(cache);
            cache = null;
        }
        close(optimizer);
        close(average);
        close(parameters);
        close(workers);
        close(model);
        close(() -> record.close(engine));
        recording = null;
        stepper = null;
        scoring = null;
        optimizer = null;
        average = null;
        optimisation = null;
        parameters = null;
        workers = null;
        model = null;
        materials = null;
        latest = null;
        order = null;
        tally = null;
        engine = null;
        set(last, why);
        Wish late = wish.getAndSet(Wish.REFUSED);
        if (late != null) {
            late.refuse(this);
        }
        over = true;
        gate.wake();
    }

    /** Whatever goes wrong here goes with the failure or the log: the trial must end, and give up the rest. */
    private void close(AutoCloseable resource) {
        if (resource != null) {
            try {
                resource.close();
            } catch (Exception | LinkageError e) {
                if (failure != null) {
                    failure.addSuppressed(e); // mostly of the same cause: a full disk is said in one line
                } else {
                    LOG.log(System.Logger.Level.ERROR, "trial " + id + ": while it ended", e);
                }
            }
        }
    }

    private void prepare() {
        set(TrialState.PREPARING, "");
        awaitPlugins();
        spec.newModel().ifPresent(this::makeModel);
        int lanes = spec.train().lanes();
        int threads = spec.threads() == 0 ? Runtime.getRuntime().availableProcessors() : spec.threads();
        workers = new Workers(Math.min(threads, lanes), "attune-" + id); // a lane is one thread's work
        Optional<RunRecord.Saved> saved;
        try (Meanwhile<ModelPool.Lease> reading = Meanwhile.open("attune-" + id + "-model", this::acquireModel)) {
            saved = manner.resumed() ? record.load() : Optional.empty();
            readData(reading, saved);
        }
        cache = new PrefixCache(
                engine,
                spec.cache().memoryBytes(),
                spec.cache().diskBytes(),
                record.folder().resolve("cache"));
        stepper = new Stepper(engine, model.model(), parameters, workers, settings(), cache);
        scoring = new Scoring(spec, materials, stepper, this::use);
        course = Course.of(spec.train(), materials.train().size());
        order = new SampleOrder(spec, materials.train(), course, this::use);
        earlyStop = new EarlyStop(spec.earlyStopping());
        plateau = new Plateau(spec.schedule(), spec.optimizer().lr());
        optimizer = new Updater(spec.optimizer(), workers);
        average = new WeightAverage(spec.average(), course.steps(), workers);
        scaling = precision() == DType.FLOAT16 ? Optional.of(new LossScaling()) : Optional.empty();
        optimisation = new Optimisation(
                stepper,
                parameters,
                optimizer,
                new GradientClipping(spec.train().clip(), spec.train().clipValue()),
                scaling,
                workers,
                course);
        saved.ifPresent(this::restore);
        record.provenance(model, materials.fingerprint(), engine, plugins.origins());
        if (!spec.evaluate().split().isEmpty()) {
            scoring.check(inSession(s -> s.objective().predicts()));
        }
        if (saved.isEmpty()) {
            checkpoint(false); // a run that is killed in its first minute can be resumed too
        }
        prepared = true;
        if (manner.profiled()) {
            recording = Recording.begin(engine, workers, record.folder());
        }
        set(TrialState.RUNNING, saved.isEmpty() ? "" : "resumed at step " + step + " of " + course.steps());
    }

    /** A part of the trial that a profile shows by its name. */
    private <T> T part(String name, Supplier<T> body) {
        return recording == null ? body.get() : recording.span(name, body);
    }

    private DType precision() {
        return spec.precision().orElse(engine.dtype());
    }

    private void restore(RunRecord.Saved saved) {
        RunRecord.State state = saved.state();
        step = state.step();
        evaluated = state.evaluated();
        tally.restore(saved);
        cache.restore(state.cache());
        optimisation.restore(state.optimisation(), state.updates(), saved::loadMoments);
        average.restore(state.average(), parameters.all());
        saved.loadMoments(average.tensors());
        earlyStop.restore(state.earlyStop());
        plateau.restore(state.plateau());
        progress = tally.progress(step, course, Double.NaN);
    }

    private ModelPool.Lease acquireModel() {
        String source = spec.newModel().isPresent() ? record.model().toString() : spec.model();
        return services.pool().acquire(source, spec.base(), engine, new WeightForm(precision(), spec.weights()));
    }

    /** Unless an earlier sitting made it: its weights stay as they were until the trial has ended. */
    private void makeModel(ModelPlan plan) {
        if (Files.exists(record.model())) {
            return;
        }
        List<String> texts = use(PluginKind.DATA, spec.data(), source -> {
            try (DataSet data = open(source)) {
                Materials.check(data, spec.evaluate().split());
                return Materials.texts(data, Materials.TRAIN);
            }
        });
        record.make(aside -> services.pool().create(plan.seeded(spec.seed()), texts, aside));
    }

    private void readData(Meanwhile<ModelPool.Lease> reading, Optional<RunRecord.Saved> saved) {
        while (materials == null) {
            awaitPlugins();
            use(PluginKind.DATA, spec.data(), source -> {
                if (plugins.missing().isEmpty()) { // else one left since we looked
                    try (DataSet opened = open(source)) {
                        data = opened;
                        if (model == null) {
                            model = reading.take();
                            parameters = new ParameterStore(engine, model.model(), spec.seed());
                            saved.ifPresentOrElse(
                                    s -> s.loadInto(parameters), () -> plugins.loadSaved(model.model(), parameters));
                        }
                        materials = read();
                    } finally {
                        data = null; // it is code of the source's
                    }
                }
                return materials;
            });
        }
    }

    /** Lets an adapter see what enters linear maps, over the training examples. */
    private void observe(Collection<String> paths, Adapter.Observer observer) {
        try (ParameterStore head = new ParameterStore(engine, model.model(), spec.seed())) {
            List<String> labels = materials == null ? Materials.labels(data) : materials.labels();
            Trainer.Objective objective = plugins.objective(model.model(), head, labels);
            Session bare = new Session(objective, new Wiring(model.model()), List.of());
            List<Sample> samples = materials == null
                    ? Materials.training(data, bare, workers, model.model().maxLength())
                    : materials.train();
            new Observation(engine, model.model(), parameters, head, workers, settings())
                    .run(objective, samples, spec.train().batch(), paths, observer);
        }
    }

    private StepSettings settings() {
        return new StepSettings(
                spec.train().lanes(),
                spec.train().microTokens(),
                spec.precision(),
                spec.train().checkpointing(),
                spec.seed());
    }

    private Materials read() {
        String split = spec.evaluate().split();
        Materials.check(data, split);
        List<String> labels = Materials.labels(data);
        session = plugins.open(model.model(), parameters, labels);
        if (parameters.trained().isEmpty()) {
            throw new UserError("nothing to train: no adapter or trainer of this spec has a trainable parameter");
        }
        if (spec.newModel().isPresent()
                && !model.model()
                        .weights()
                        .keySet()
                        .containsAll(parameters.all().keySet())) {
            throw new UserError(
                    "a new model's own weights are all that can be trained: choose 'adapters: full' and a trainer"
                            + " without a head of its own");
        }
        if (!parameters.unclaimed().isEmpty()) {
            String names = String.join(", ", new TreeSet<>(parameters.unclaimed()));
            throw new UserError(
                    manner.resumed()
                            ? record.folder() + ": the checkpoint holds parameters that no plug-in asks for any more: "
                                    + names + "; put the former plug-in back"
                            : SavedAdapters.folders(spec) + ": holds parameters that no plug-in of this spec asks for: "
                                    + names
                                    + "; look at the model, the trainer and the adapters that it was trained with");
        }
        int longest = model.model().maxLength();
        boolean texts = !spec.baselines().isEmpty();
        return new Materials(
                labels,
                Materials.training(data, session, workers, longest),
                Materials.ids(data, Materials.TRAIN),
                split.isEmpty()
                        ? List.of()
                        : Materials.evaluation(data, split, session, workers, longest, varying("evaluation")),
                texts ? Materials.texts(data, Materials.TRAIN) : List.of(),
                texts && !split.isEmpty() ? Materials.texts(data, split) : List.of(),
                data.fingerprint());
    }

    private <O extends Record> DataSet open(DataSource<O> source) {
        O options = PluginSet.options(source, spec.data(), PluginKind.DATA, spec.base());
        return source.open(options, new DataSource.Surroundings(spec.base(), services.resources(), spec.seed()));
    }

    private void train() {
        LearningRate schedule = new LearningRate(spec.schedule(), course.steps());
        while (step < course.steps()) {
            grant();
            betweenSteps();
            if (earlyStop.reached()) {
                return;
            }
            List<Sample> samples = order.samples(step);
            Pace pace = new Pace(schedule.multiplier(step) * plateau.share(), schedule.momentum(step));
            Rng epoch = varying(Materials.TRAIN).at(step / course.stepsPerEpoch());
            Optimisation.Step done = inSession(s -> {
                List<Sample> varied = samples.stream()
                        .map(sample -> s.objective().vary(sample, epoch.at(sample.example())))
                        .toList();
                return part("step " + (step + 1), () -> update(s, varied, pace));
            });
            step++;
            tally.loss(step, done.loss());
            record.step(step, done, spec.optimizer().lr() * pace.multiplier(), tally);
            takeNotes();
            Progress now = tally.progress(step, course, done.loss());
            progress = now;
            services.listeners().accept(l -> l.step(this, now));
        }
    }

    /** Changes the trial's adapters where somebody asked for it. */
    private void grant() {
        Wish wanted = wish.getAndSet(null);
        if (wanted != null) {
            String said = wanted.answer(step, () -> {
                wanted.carryOut(this);
                checkpoint(false);
                record.specChanged();
            });
            set(TrialState.RUNNING, said);
        }
    }

    /** Puts other adapters in the place of those there. */
    void exchange(MethodSwap wanted) {
        try (PluginSet.Adapters other = plugins.adapters(wanted.adapters())) {
            inSession(s -> {
                Map<String, Tensor> merged = wanted.merged(model.model(), parameters, s.wiring(), engine);
                Set<String> former = plugins.claimed();
                session = plugins.exchange(other, merged, model.model(), parameters, materials);
                optimizer.forget(former);
                average.forget();
                record.swapped(step, plugins.origins());
                record.exchanged(step, plugins.refs(), plugins.adapters(), wanted.former());
                return null;
            });
        }
    }

    /** Switches an adapter on or off. */
    void turn(AdapterSwitch wanted) {
        inSession(s -> {
            session = plugins.activate(wanted.adapter(), wanted.on(), model.model(), parameters, materials);
            record.exchanged(step, plugins.refs(), plugins.adapters(), "kept");
            return null;
        });
    }

    /** Passes on what adapters did to what is trained. */
    private void takeNotes() {
        for (Note note : optimisation.takeNotes()) {
            record.note(step, note);
            services.listeners().accept(l -> l.noted(this, step, note.text()));
        }
    }

    private Optimisation.Step update(Session open, List<Sample> samples, Pace pace) {
        long began = System.nanoTime();
        Optimisation.Step done = optimisation.step(open, samples, step, pace);
        if (done.outcome() == Optimisation.Outcome.DIVERGED) {
            throw diverged(done.loss(), done.norm(), samples);
        }
        if (done.outcome() == Optimisation.Outcome.UPDATED) {
            average.observe(step + 1, parameters.trained());
        }
        tally.trained(samples, (System.nanoTime() - began) / 1e9);
        return done;
    }

    /**
     * What is due before the next step, and was not done yet in this or an earlier sitting: a trial that was suspended in the
     * middle of an evaluation makes it up. What is due after the last step is up to {@link #finish}.
     */
    private void betweenSteps() {
        boolean best = false;
        if (due(spec.evaluate().every()) && evaluated < step) {
            best = evaluateAndObserve();
        }
        if (best || due(spec.checkpoint().every()) && record.checkpointStep() < step) {
            checkpoint(best);
        }
        inSession(s -> {
            optimisation.before(s, step);
            if (step % course.stepsPerEpoch() == 0 && step + course.stepsPerEpoch() <= course.steps()) {
                cache.deepen(s.wiring(), parameters);
            }
            return null;
        });
        takeNotes();
        if (course.steps() > course.stepsPerEpoch()
                && !inSession(s -> s.objective().varies())) {
            keepFrozen(cache.training(), materials.train());
        }
    }

    /**
     * Computes what frozen layers give for a split that is gone through more than once. Whether it is depends on the whole run, not
     * on what is left of it: a resumed run finds the same numbers.
     */
    private void keepFrozen(PrefixCache.Split split, List<Sample> samples) {
        boolean more = true;
        while (more) {
            more = inSession(s -> part("frozen layers", () -> keepNext(s, split, samples)));
            if (more) {
                String name = split == cache.training()
                        ? Materials.TRAIN
                        : spec.evaluate().split();
                services.listeners().accept(l -> l.keeping(this, name, split.seen(), samples.size()));
            }
        }
    }

    private boolean keepNext(Session open, PrefixCache.Split split, List<Sample> samples) {
        long began = System.nanoTime();
        boolean more = stepper.keep(open, split, samples);
        if (split == cache.training()) { // an evaluation counts its own time
            tally.kept((System.nanoTime() - began) / 1e9);
        }
        return more;
    }

    private boolean due(long every) {
        return every > 0 && step > 0 && step % every == 0;
    }

    /** What varies of samples between epochs, in a split. */
    private Rng varying(String split) {
        return Rng.of(spec.seed()).at("samples").at(split);
    }

    private UserError diverged(double loss, double norm, List<Sample> samples) {
        List<String> ids = samples.stream()
                .map(s -> materials.trainIds().get((int) s.example()))
                .limit(8)
                .toList();
        return new UserError("step " + (step + 1) + ": the " + (Double.isFinite(loss) ? "gradient norm" : "loss")
                + " is "
                + (Double.isFinite(loss) ? norm : loss) + "; examples " + String.join(", ", ids)
                + (samples.size() > ids.size() ? ", …" : "") + "; last good checkpoint: step " + record.checkpointStep()
                + " in " + record.folder() + "; a lower optimizer.lr or train.clip: 1 often helps");
    }

    private void checkpoint(boolean best) {
        // first: new ones count in its state
        Map<String, Tensor> moments = new LinkedHashMap<>(optimizer.moments(parameters.trained()));
        moments.putAll(average.tensors());
        record.save(
                new RunRecord.State(
                        step,
                        optimizer.steps(),
                        (int) (step / course.stepsPerEpoch()),
                        step % course.stepsPerEpoch() * spec.train().batch(),
                        tally.trainSeconds(),
                        tally.evaluationSeconds(),
                        tally.examples(),
                        tally.tokens(),
                        evaluated,
                        earlyStop.state(),
                        plateau.state(),
                        average.state(),
                        optimisation.state(),
                        cache.state()),
                parameters,
                moments,
                best);
    }

    /** Writes a checkpoint unless the last one is of this step. */
    private void save() {
        if (record.checkpointStep() < step) {
            checkpoint(false);
        }
    }

    /** @return what is worth saying of the end */
    private String finish() {
        save();
        Scoring.Evaluation evaluation = spec.evaluate().split().isEmpty() ? Scoring.Evaluation.NONE : lastEvaluation();
        average.exchange(parameters.trained()); // for good: this is what is saved
        inSession(s -> {
            if (spec.newModel().isPresent()) {
                model.retire();
                record.model(model.model(), parameters.all());
                return null;
            }
            return Scope.inference(engine, () -> {
                record.adapter(
                        plugins.peftForms(model.model(), parameters, course.steps()),
                        plugins.adapters(),
                        parameters,
                        model.model().classifierPaths(),
                        AdapterFolder.Base.of(model.source(), model.model()),
                        s.objective().task(),
                        materials.labels());
                return null;
            });
        });
        report = new TrialReport(
                evaluation.scores(),
                evaluation.tables(),
                parameters.count(),
                total(),
                tally.trainSeconds(),
                tally.evaluationSeconds(),
                PeakMemory.measure(engine.stats().peakBytes()).bytes(),
                tally.examples(),
                tally.tokens(),
                tally.curve(),
                scoring.baselines(),
                precision().name().toLowerCase(Locale.ROOT),
                scaling.map(LossScaling::skipped).orElse(0L));
        record.report(report);
        return earlyStop.bestIsBefore(step) ? "best checkpoint, of step " + earlyStop.bestStep() + ", restored" : "";
    }

    /** The evaluation of the state that the trial ends with: the last, or the best where early stopping watches. */
    private Scoring.Evaluation lastEvaluation() {
        if (evaluated < step) {
            evaluateAndObserve();
        }
        if (earlyStop.bestIsBefore(step)) {
            Map<String, double[]> best = record.best();
            parameters.all().forEach((name, t) -> t.set(best.get(name)));
            average.forget(); // they are the best values
            return evaluate(earlyStop.bestStep());
        }
        return latest != null ? latest : evaluate(step);
    }

    /** Parameters of the model and of what was added to it; a trained copy counts once. */
    private long total() {
        Map<String, Long> sizes = new LinkedHashMap<>();
        model.model().weights().forEach((name, t) -> sizes.put(name, t.shape().size()));
        parameters.all().forEach((name, t) -> sizes.put(name, t.shape().size()));
        return sizes.values().stream().mapToLong(Long::longValue).sum();
    }

    // ---- evaluation ----

    /** @return whether this is the best so far, of what early stopping watches */
    private boolean evaluateAndObserve() {
        latest = evaluate(step);
        evaluated = step;
        plateau.observe(latest.scores());
        return earlyStop.observe(step, latest.scores());
    }

    /** @param of the step whose parameters are evaluated */
    private Scoring.Evaluation evaluate(long of) {
        long began = System.nanoTime();
        List<Sample> samples = materials.evaluation();
        List<Prediction> predictions = new ArrayList<>();
        String split = spec.evaluate().split();
        if (spec.evaluate().every() > 0) {
            keepFrozen(cache.evaluation(), samples);
        }
        while (predictions.size() < samples.size()) {
            int from = predictions.size();
            List<Sample> chunk = samples.subList(from, Math.min(samples.size(), from + EVALUATION_CHUNK));
            predictions.addAll(inSession(s ->
                    part("evaluation", () -> average.during(parameters.trained(), () -> stepper.predict(s, chunk)))));
            long done = predictions.size();
            services.listeners().accept(l -> l.evaluating(this, split, done, samples.size()));
        }
        Scoring.Evaluation evaluation = scoring.measure(predictions);
        tally.evaluated((System.nanoTime() - began) / 1e9);
        record.evaluation(of, split, evaluation.scores());
        services.listeners().accept(l -> l.evaluated(this, split, of, evaluation.scores()));
        return evaluation;
    }

    // ---- plug-ins that come and go ----

    /** Runs {@code body} with a plug-in inside the step gate; waits for one that is away. */
    private <P extends Plugin<?>, T> T use(PluginKind<P> kind, PluginRef ref, Function<P, T> body) {
        while (true) {
            try (PluginLease<P> lease = require(kind, ref)) {
                gate.lock();
                try {
                    if (lease.present()) {
                        record.used(step, lease.origin());
                        return body.apply(lease.plugin());
                    }
                } finally {
                    gate.unlock();
                }
            }
        }
    }

    private <P extends Plugin<?>> PluginLease<P> require(PluginKind<P> kind, PluginRef ref) {
        List<PluginLease<P>> found = new ArrayList<>(1);
        gate.await(
                () -> {
                    services.plugins()
                            .find(kind, ref, () -> gate.drain(() -> {}))
                            .ifPresent(found::add);
                    return !found.isEmpty();
                },
                () -> kind.label() + " '" + ref.name() + "'");
        return found.get(0);
    }

    /** Waits until nothing holds the trial and all plug-ins of its session are there. */
    private void awaitPlugins() {
        gate.await(
                () -> {
                    plugins.find();
                    return plugins.missing().isEmpty();
                },
                () -> String.join(", ", plugins.missing()));
    }

    /** Runs {@code body} with the session inside the step gate; waits for plug-ins that are away, and opens a new session then. */
    private <T> T inSession(Function<Session, T> body) {
        while (true) {
            awaitPlugins();
            gate.lock();
            try {
                if (plugins.missing().isEmpty()) { // else one left since we looked
                    if (session == null) {
                        session = reopen();
                        record.swapped(step, plugins.origins());
                    }
                    return body.apply(session);
                }
            } finally {
                gate.unlock();
            }
        }
    }

    private Session reopen() {
        try {
            return plugins.open(model.model(), parameters, materials.labels());
        } catch (PluginSet.SwapMismatch | UserError e) {
            save();
            throw new UserError(
                    "the replacement does not fit the trial: " + e.getMessage() + ". The trial stopped at step " + step
                            + " with its checkpoint intact; put the former plug-in back and resume " + record.folder());
        }
    }

    /** A plug-in of the session goes away: its objects are dropped before its code is. */
    private void leaving() {
        gate.drain(() -> session = null);
    }

    // ---- commands and views ----

    @Override
    public void set(TrialState to, String why) {
        message = why;
        state = to;
        gate.wake();
        services.listeners().accept(l -> l.changed(this, to, why));
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public String name() {
        return spec.name();
    }

    @Override
    public Path folder() {
        return record.folder();
    }

    @Override
    public long step() {
        return step;
    }

    @Override
    public TrialState state() {
        return state;
    }

    @Override
    public String message() {
        return message;
    }

    @Override
    public Progress progress() {
        return progress;
    }

    @Override
    public Optional<Throwable> failure() {
        return Optional.ofNullable(failure);
    }

    @Override
    public Optional<TrialReport> report() {
        return Optional.ofNullable(report);
    }

    @Override
    public Map<String, Boolean> adapters() {
        return plugins.active();
    }

    @Override
    public CacheStats cache() {
        PrefixCache live = cache;
        return live == null ? cacheStats : live.stats();
    }

    @Override
    public void pause() {
        gate.pause();
    }

    @Override
    public void unpause() {
        gate.unpause();
    }

    @Override
    public void stop() {
        stop("stopped");
    }

    void stop(String reason) {
        gate.stop(reason);
    }

    /**
     * Asks for other adapters and waits for them.
     *
     * @throws UserError if the trial cannot have them, or has ended
     */
    void ask(Wish wanted) {
        if (!wish.compareAndSet(null, wanted)) {
            if (state.ended()) {
                wanted.refuse(this);
            } else {
                throw new UserError("the adapters of trial " + id + " are being changed already");
            }
        }
        wanted.await();
    }

    TrialSpec spec() {
        return spec;
    }

    /** Null once the trial has ended. */
    TensorEngine engine() {
        return engine;
    }

    @Override
    public TrialState await(Duration limit) throws InterruptedException {
        gate.await(() -> over, limit);
        return state;
    }
}
