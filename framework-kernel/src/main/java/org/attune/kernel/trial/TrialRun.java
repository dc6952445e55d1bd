package org.attune.kernel.trial;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import org.attune.data.DataSet;
import org.attune.data.DataSource;
import org.attune.evaluation.Baseline;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.Score;
import org.attune.evaluation.Table;
import org.attune.kernel.optim.AdamW;
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.optim.LearningRate;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.plugins.PluginKind;
import org.attune.kernel.plugins.PluginLease;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.run.PeakMemory;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.TrialSpec;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.Workers;
import org.attune.plugin.Plugin;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;
import org.attune.training.Sample;
import org.attune.training.Sampler;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.TrialReport;
import org.attune.trial.TrialState;

/**
 * One trial. Its thread runs {@link #run}; commands come from other threads; plug-ins leave on the framework's.
 *
 * <p>The step gate is the lock under which plug-in code runs. Whoever takes a plug-in away waits for the gate, then drops the
 * session, so that the plug-in's objects are unreachable when its bundle stops. The next step finds no session, waits for a
 * replacement and opens a new one over the same parameters. Services are looked up outside the gate, for a look-up may wait
 * for the very thread that waits for the gate.
 */
final class TrialRun implements Trial, Runnable {
    private static final System.Logger LOG = System.getLogger(TrialRun.class.getName());
    private static final int EVALUATION_CHUNK = 512;

    /** What a trial takes from the kernel. */
    record Services(
            PluginRegistry plugins,
            ModelPool pool,
            TensorEngine engine,
            Path resources,
            Consumer<Consumer<TrialListener>> listeners,
            Limits limits) {}

    /**
     * @param drain how long a leaving plug-in waits for the step in progress
     * @param replacement how long a trial waits for a replacement; zero to suspend at once
     */
    record Limits(Duration drain, Duration replacement) {}

    private final String id;
    private final TrialSpec spec;
    private final RunRecord record;
    private final Services services;
    private final boolean resumed;

    private final ReentrantLock gate = new ReentrantLock(true);
    private final Object signal = new Object();
    private final PluginSet plugins;

    // Guarded by the gate, or touched by the trial's thread alone.
    private ModelPool.Lease model;
    private Workers workers;
    private ParameterStore parameters;
    private Materials materials;
    private Stepper stepper;
    private AdamW optimizer;
    private Session session;
    private int[] order = {};
    private int orderEpoch = -1;
    private EarlyStop earlyStop;
    private long step;
    private long steps;
    private long examples;
    private long tokens;
    private double trainSeconds;
    private double evaluationSeconds;
    private double speed;
    private final List<double[]> curve = new ArrayList<>();

    private volatile TrialState state = TrialState.PREPARING;
    private volatile String message = "";
    private volatile Progress progress = new Progress(0, 0, 0, Double.NaN, 0, 0, 0, Duration.ZERO, null);
    private volatile Throwable failure;
    private volatile TrialReport report;
    private volatile boolean pauseWanted;
    private volatile String stopReason;

    TrialRun(String id, TrialSpec spec, RunRecord record, Services services, boolean resumed) {
        this.id = id;
        this.spec = spec;
        this.record = record;
        this.services = services;
        this.resumed = resumed;
        this.plugins = new PluginSet(services.plugins(), spec, this::leaving);
    }

    // ---- the trial's thread ----

    @Override
    public void run() {
        PluginRegistry.Subscription arrivals = services.plugins().onArrival(this::wake);
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
            if (optimizer == null) {
                end(TrialState.SUSPENDED, reason + "; nothing was trained yet");
            } else {
                checkpoint(false);
                end(TrialState.SUSPENDED, reason + "; checkpoint at step " + step + " of " + steps);
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
            plugins.close();
            closeAll();
        } finally {
            gate.unlock();
        }
        try {
            record.close(services.engine());
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.ERROR, "trial " + id + ": the run folder's record is incomplete", e);
        }
        set(last, why);
    }

    private void closeAll() {
        close(stepper);
        close(optimizer);
        close(parameters);
        close(workers);
        close(model);
    }

    private static void close(AutoCloseable resource) {
        if (resource != null) {
            try {
                resource.close();
            } catch (Exception e) {
                LOG.log(System.Logger.Level.WARNING, "while closing a trial's resources", e);
            }
        }
    }

    private void prepare() {
        set(TrialState.PREPARING, "");
        model = services.pool().acquire(spec.model(), spec.base(), services.engine());
        workers = new Workers(spec.threads(), "attune-" + id);
        parameters = new ParameterStore(services.engine(), model.model(), spec.seed());
        Optional<RunRecord.Saved> saved = resumed ? Optional.of(record.load()) : Optional.empty();
        saved.ifPresent(s -> parameters.restore(s.parameters(), s.starts()));
        readData();
        stepper = new Stepper(
                services.engine(),
                model.model(),
                parameters,
                workers,
                spec.train().microTokens(),
                spec.seed());
        long perEpoch = stepsPerEpoch();
        steps = (long) Math.ceil(spec.train().epochs() * perEpoch - 1e-9);
        if (spec.train().maxSteps() > 0) {
            steps = Math.min(steps, spec.train().maxSteps());
        }
        earlyStop = new EarlyStop(spec.earlyStopping());
        optimizer = new AdamW(spec.optimizer());
        optimizer.moments(parameters.all());
        saved.ifPresent(this::restore);
        record.provenance(model, materials.fingerprint(), services.engine(), plugins.origins());
        if (saved.isEmpty()) {
            checkpoint(false); // a run that is killed in its first minute can be resumed too
        }
        set(TrialState.RUNNING, saved.isEmpty() ? "" : "resumed at step " + step + " of " + steps);
    }

    private void restore(RunRecord.Saved saved) {
        RunRecord.State state = saved.state();
        step = state.step();
        examples = state.examples();
        tokens = state.tokens();
        trainSeconds = state.trainSeconds();
        evaluationSeconds = state.evaluationSeconds();
        curve.addAll(saved.curve());
        saved.loadMoments(optimizer.moments(parameters.all()));
        optimizer.resume(step);
        earlyStop.restore(state.earlyStop());
        progress = progressNow(Double.NaN);
    }

    private void readData() {
        ready(() -> true);
        use(PluginKind.DATA, spec.data(), source -> {
            try (DataSet data = open(source)) {
                materials = read(data);
            }
            return materials;
        });
    }

    private Materials read(DataSet data) {
        String split = spec.evaluate().split();
        Materials.check(data, split);
        List<String> labels = Materials.labels(data);
        session = plugins.open(model.model(), parameters, labels);
        if (parameters.all().isEmpty()) {
            throw new UserError("nothing to train: no adapter or trainer of this spec has a trainable parameter");
        }
        boolean texts = !spec.baselines().isEmpty();
        return new Materials(
                labels,
                Materials.prepare(data, Materials.TRAIN, session, workers),
                Materials.ids(data, Materials.TRAIN),
                split.isEmpty() ? List.of() : Materials.prepare(data, split, session, workers),
                texts ? Materials.texts(data, Materials.TRAIN) : List.of(),
                texts && !split.isEmpty() ? Materials.texts(data, split) : List.of(),
                data.fingerprint());
    }

    private <O extends Record> DataSet open(DataSource<O> source) {
        O options = options(source, spec.data(), PluginKind.DATA);
        return source.open(options, new DataSource.Surroundings(spec.base(), services.resources(), spec.seed()));
    }

    private <O extends Record> O options(Plugin<O> plugin, PluginRef ref, PluginKind<?> kind) {
        return new OptionBinder().bind(ref, kind.label(), plugin.options(), spec.base());
    }

    private long stepsPerEpoch() {
        return (materials.train().size() + spec.train().batch() - 1L)
                / spec.train().batch();
    }

    private void train() {
        LearningRate schedule = new LearningRate(spec.schedule(), steps);
        while (step < steps && !earlyStop.reached()) {
            List<Sample> samples = samplesOf(step);
            ready(() -> session != null);
            long began = System.nanoTime();
            double loss;
            double norm;
            double multiplier = schedule.multiplier(step);
            gate.lock();
            try {
                if (session == null) {
                    continue; // a plug-in left since we looked
                }
                Stepper.Result result = stepper.gradients(session, samples, step);
                loss = result.loss();
                norm = GradientClipping.norm(parameters.all().values(), result.gradients());
                if (!Double.isFinite(loss) || !Double.isFinite(norm)) {
                    throw diverged(loss, norm, samples);
                }
                if (spec.train().clip() > 0) {
                    GradientClipping.clip(
                            parameters.all().values(),
                            result.gradients(),
                            norm,
                            spec.train().clip());
                }
                optimizer.step(parameters.all(), result.gradients(), multiplier);
            } finally {
                gate.unlock();
            }
            step++;
            count(samples, (System.nanoTime() - began) / 1e9);
            curve.add(new double[] {step, loss});
            record.step(step, loss, norm, spec.optimizer().lr() * multiplier, examples, tokens, trainSeconds);
            progress = progressNow(loss);
            Progress now = progress;
            services.listeners().accept(l -> l.step(this, now));
            betweenSteps();
        }
    }

    private void betweenSteps() {
        if (step == steps) {
            return; // finish() evaluates and checkpoints
        }
        long evaluateEvery = spec.evaluate().every();
        if (evaluateEvery > 0 && step % evaluateEvery == 0) {
            Evaluation evaluation = evaluate();
            if (earlyStop.observe(step, evaluation.scores())) {
                checkpoint(true);
                return;
            }
        }
        long checkpointEvery = spec.checkpoint().every();
        if (checkpointEvery > 0 && step % checkpointEvery == 0) {
            checkpoint(false);
        }
    }

    private void count(List<Sample> samples, double seconds) {
        examples += samples.size();
        for (Sample s : samples) {
            tokens += s.ids().length;
        }
        trainSeconds += seconds;
        double rate = samples.size() / seconds;
        speed = speed == 0 ? rate : 0.9 * speed + 0.1 * rate;
    }

    private Progress progressNow(double loss) {
        Duration left =
                step == 0 ? null : Duration.ofMillis((long) (1000 * trainSeconds / step * Math.max(0, steps - step)));
        return new Progress(
                step,
                steps,
                (double) step / stepsPerEpoch(),
                loss,
                examples,
                tokens,
                speed,
                Duration.ofMillis((long) (1000 * trainSeconds)),
                left);
    }

    private List<Sample> samplesOf(long step) {
        int size = materials.train().size();
        int batch = spec.train().batch();
        int epoch = (int) (step / stepsPerEpoch());
        if (epoch != orderEpoch) {
            order = use(PluginKind.SAMPLER, spec.sampler(), sampler -> order(sampler, size, epoch));
            orderEpoch = epoch;
        }
        int from = (int) (step % stepsPerEpoch()) * batch;
        List<Sample> samples = new ArrayList<>();
        for (int i = from; i < Math.min(size, from + batch); i++) {
            samples.add(materials.train().get(order[i]));
        }
        return samples;
    }

    private <O extends Record> int[] order(Sampler<O> sampler, int size, int epoch) {
        int[] chosen = sampler.epoch(options(sampler, spec.sampler(), PluginKind.SAMPLER), size, epoch, spec.seed());
        if (chosen.length != size) {
            throw new IllegalStateException("sampler '" + spec.sampler().name() + "' chose " + chosen.length
                    + " examples for an epoch of " + size);
        }
        return chosen;
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
        record.save(
                new RunRecord.State(
                        step,
                        (int) (step / stepsPerEpoch()),
                        step % stepsPerEpoch() * spec.train().batch(),
                        trainSeconds,
                        evaluationSeconds,
                        examples,
                        tokens,
                        earlyStop.state()),
                parameters.all(),
                parameters.starts(),
                optimizer.moments(parameters.all()),
                best);
    }

    /** @return what is worth saying of the end */
    private String finish() {
        String note = "";
        if (record.checkpointStep() < step) {
            checkpoint(false);
        }
        Evaluation evaluation = spec.evaluate().split().isEmpty() ? Evaluation.NONE : evaluate();
        if (spec.earlyStopping().isPresent()) {
            earlyStop.observe(step, evaluation.scores());
            if (earlyStop.bestStep() != step) {
                parameters.all().forEach((name, t) -> t.set(record.best().get(name)));
                evaluation = evaluate();
                note = "best checkpoint, of step " + earlyStop.bestStep() + ", restored";
            }
        }
        ready(() -> session != null);
        record.adapter(
                plugins.peftForm(),
                plugins.adapters(),
                parameters.all(),
                model.model().classifierPath(),
                model.source());
        report = new TrialReport(
                evaluation.scores(),
                evaluation.tables(),
                parameters.count(),
                total(),
                trainSeconds,
                evaluationSeconds,
                PeakMemory.measure(services.engine().stats().peakBytes()).bytes(),
                examples,
                tokens,
                List.copyOf(curve),
                baselines());
        record.report(report);
        return note;
    }

    /** Parameters of the model and of what was added to it; a trained copy counts once. */
    private long total() {
        Map<String, Long> sizes = new LinkedHashMap<>();
        model.model().weights().forEach((name, t) -> sizes.put(name, t.shape().size()));
        parameters.all().forEach((name, t) -> sizes.put(name, t.shape().size()));
        return sizes.values().stream().mapToLong(Long::longValue).sum();
    }

    // ---- evaluation ----

    private record Evaluation(List<Score> scores, List<Table> tables) {
        static final Evaluation NONE = new Evaluation(List.of(), List.of());
    }

    private Evaluation evaluate() {
        long began = System.nanoTime();
        List<Sample> samples = materials.evaluation();
        List<Prediction> predictions = new ArrayList<>();
        String split = spec.evaluate().split();
        while (predictions.size() < samples.size()) {
            ready(() -> session != null);
            gate.lock();
            try {
                if (session != null) {
                    int from = predictions.size();
                    List<Sample> chunk = samples.subList(from, Math.min(samples.size(), from + EVALUATION_CHUNK));
                    predictions.addAll(stepper.predict(session, chunk, done -> {}));
                }
            } finally {
                gate.unlock();
            }
            long done = predictions.size();
            services.listeners().accept(l -> l.evaluating(this, split, done, samples.size()));
        }
        Evaluation evaluation = measure(predictions);
        evaluationSeconds += (System.nanoTime() - began) / 1e9;
        record.evaluation(step, split, evaluation.scores());
        services.listeners().accept(l -> l.evaluated(this, split, step, evaluation.scores()));
        return evaluation;
    }

    private Evaluation measure(List<Prediction> predictions) {
        List<Score> scores = new ArrayList<>();
        List<Table> tables = new ArrayList<>();
        for (PluginRef ref : spec.evaluate().metrics()) {
            Evaluation part = use(PluginKind.METRIC, ref, metric -> {
                Metric.Accumulator accumulator = accumulator(metric, ref);
                predictions.forEach(accumulator::add);
                return new Evaluation(accumulator.scores(), accumulator.tables());
            });
            scores.addAll(part.scores());
            tables.addAll(part.tables());
        }
        return new Evaluation(List.copyOf(scores), List.copyOf(tables));
    }

    private <O extends Record> Metric.Accumulator accumulator(Metric<O> metric, PluginRef ref) {
        return metric.open(options(metric, ref, PluginKind.METRIC), materials.labels());
    }

    private Map<String, List<Score>> baselines() {
        Map<String, List<Score>> results = new LinkedHashMap<>();
        for (PluginRef ref : spec.baselines()) {
            List<Prediction> predictions = use(PluginKind.BASELINE, ref, baseline -> predict(baseline, ref));
            results.put(ref.name(), measure(predictions).scores());
        }
        return results;
    }

    private <O extends Record> List<Prediction> predict(Baseline<O> baseline, PluginRef ref) {
        Baseline.Task task = new Baseline.Task(
                materials.trainTexts(),
                classes(materials.train()),
                materials.evaluationTexts(),
                classes(materials.evaluation()),
                materials.labels().size(),
                () -> stepper.embed(materials.train()),
                () -> stepper.embed(materials.evaluation()),
                spec.seed());
        return baseline.predict(options(baseline, ref, PluginKind.BASELINE), task);
    }

    private static int[] classes(List<Sample> samples) {
        return samples.stream().mapToInt(s -> s.labels()[0]).toArray();
    }

    // ---- plug-ins that come and go ----

    /** Runs {@code body} with a plug-in inside the step gate; waits for one that is away. */
    private <P extends Plugin<?>, T> T use(PluginKind<P> kind, PluginRef ref, Function<P, T> body) {
        while (true) {
            try (PluginLease<P> lease = require(kind, ref)) {
                gate.lock();
                try {
                    if (lease.present()) {
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
        await(
                () -> {
                    services.plugins().find(kind, ref, () -> drain(() -> {})).ifPresent(found::add);
                    return !found.isEmpty();
                },
                () -> kind.label() + " '" + ref.name() + "'");
        return found.get(0);
    }

    /** Waits until nothing holds the trial and the session can be used; opens a new one after a swap. */
    private void ready(BooleanSupplier opened) {
        await(
                () -> {
                    plugins.find();
                    return plugins.missing().isEmpty();
                },
                () -> String.join(", ", plugins.missing()));
        if (opened.getAsBoolean()) {
            return;
        }
        gate.lock();
        try {
            if (plugins.missing().isEmpty()) {
                session = plugins.open(model.model(), parameters, materials.labels());
                record.swapped(step, plugins.origins());
            }
        } catch (PluginSet.SwapMismatch e) {
            checkpoint(false);
            throw new UserError("the replacement needs other parameters than the trial has: " + e.getMessage()
                    + ". The trial stopped at step " + step
                    + " with its checkpoint intact; put the former plug-in back and resume "
                    + record.folder());
        } finally {
            gate.unlock();
        }
    }

    private interface Missing {
        String names();
    }

    private void await(BooleanSupplier present, Missing missing) {
        long deadline = 0;
        while (true) {
            if (stopReason != null) {
                throw new Suspension(stopReason);
            }
            if (pauseWanted) {
                set(TrialState.PAUSED, "paused at step " + step);
                sleep(() -> pauseWanted && stopReason == null, Long.MAX_VALUE);
                continue;
            }
            if (present.getAsBoolean()) {
                if (state == TrialState.PAUSED || state == TrialState.WAITING) {
                    set(TrialState.RUNNING, "");
                }
                return;
            }
            Duration limit = services.limits().replacement();
            if (deadline == 0) {
                deadline = System.nanoTime() + limit.toNanos();
            }
            if (System.nanoTime() >= deadline) {
                throw new Suspension(
                        missing.names() + " went away and no replacement came within " + limit.toSeconds() + " s");
            }
            if (state != TrialState.WAITING) {
                set(TrialState.WAITING, "waiting for " + missing.names());
            }
            sleep(
                    () -> stopReason == null && !pauseWanted,
                    Math.min(250, (deadline - System.nanoTime()) / 1_000_000 + 1));
        }
    }

    /** Sleeps until woken, while the condition holds, at most so many milliseconds. */
    private void sleep(BooleanSupplier condition, long millis) {
        synchronized (signal) {
            if (!condition.getAsBoolean()) {
                return;
            }
            try {
                signal.wait(millis == Long.MAX_VALUE ? 0 : millis);
            } catch (InterruptedException e) {
                stopReason = "interrupted";
            }
        }
    }

    private void wake() {
        synchronized (signal) {
            signal.notifyAll();
        }
    }

    /** A plug-in of the session goes away: its objects are dropped before its code is. */
    private void leaving() {
        drain(() -> session = null);
    }

    /** Waits for the plug-in call in progress, then runs {@code drop} before the next can begin. */
    private void drain(Runnable drop) {
        boolean drained = false;
        try {
            drained = gate.tryLock(services.limits().drain().toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        try {
            drop.run();
        } finally {
            if (drained) {
                gate.unlock();
            }
        }
        if (!drained) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "trial " + id + ": a plug-in was taken away in the middle of a step, after a wait of "
                            + services.limits().drain().toSeconds() + " s");
        }
    }

    // ---- commands and views ----

    private void set(TrialState to, String why) {
        message = why;
        state = to;
        wake();
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
    public void pause() {
        pauseWanted = true;
        wake();
    }

    @Override
    public void unpause() {
        pauseWanted = false;
        wake();
    }

    @Override
    public void stop() {
        stop("stopped");
    }

    void stop(String reason) {
        stopReason = reason;
        wake();
    }

    TensorEngine engine() {
        return services.engine();
    }

    @Override
    public TrialState await(Duration limit) throws InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        synchronized (signal) {
            while (!state.ended()) {
                long left = (deadline - System.nanoTime()) / 1_000_000;
                if (left <= 0) {
                    break;
                }
                signal.wait(left);
            }
        }
        return state;
    }
}
