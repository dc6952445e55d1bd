package org.attune.kernel.replay;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.optim.Pace;
import org.attune.kernel.optim.Updater;
import org.attune.kernel.plugins.ConfiguredAdapter;
import org.attune.kernel.plugins.Engines;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.plugins.PluginKind;
import org.attune.kernel.plugins.PluginLease;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.spec.Optimizer;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.step.Course;
import org.attune.kernel.step.Optimisation;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.training.Adapter;
import org.attune.training.Trainer;
import org.attune.trial.TraceReplay;

/** Replays traces with the same step, optimiser and clipping as a trial. */
public final class Replayer implements TraceReplay {
    private final PluginRegistry plugins;
    private final Engines engines;
    private final ModelPool pool;

    public Replayer(PluginRegistry plugins, Engines engines, ModelPool pool) {
        this.plugins = plugins;
        this.engines = engines;
        this.pool = pool;
    }

    @Override
    public Outcome replay(Path folder, String engineName) {
        Trace trace = Trace.read(folder);
        TensorEngine engine = engines.find(engineName)
                .orElseThrow(() -> new UserError("no tensor engine '" + engineName + "'; there are "
                        + engines.list().stream().map(TensorEngine::name).toList()));
        WeightForm form = Engines.form(engine, Optional.empty(), trace.weights());
        Path model = Path.of("models", trace.model());
        try (ConfiguredAdapter method = method(trace);
                PluginLease<Trainer<?>> trainer = trainer(trace);
                ModelPool.Lease lease = pool.acquire(model.toString(), home(folder, model), engine, form);
                ParameterStore parameters = new ParameterStore(engine, lease.model(), 0);
                Workers workers = new Workers(1, "replay");
                Stepper stepper = new Stepper(
                        engine, lease.model(), parameters, workers, new StepSettings(1, Integer.MAX_VALUE, 0));
                Updater optimizer =
                        new Updater(new Optimizer.AdamW(trace.lr(), 0.9, 0.999, 1e-8, trace.weightDecay()), workers)) {
            Session session = open(trace, method, trainer.plugin(), lease.model(), parameters);
            Optimisation optimisation = new Optimisation(
                    stepper,
                    parameters,
                    optimizer,
                    new GradientClipping(trace.clip(), 0),
                    Optional.empty(),
                    workers,
                    new Course(trace.losses().length, trace.losses().length));
            return Scope.inference(
                    engine,
                    () -> run(trace, engineName, lease.model(), session, parameters, stepper, optimisation, method));
        }
    }

    /** The nearest folder above that holds the model. */
    private static Path home(Path folder, Path model) {
        Path trace = folder.toAbsolutePath().normalize();
        for (Path above = trace.getParent(); above != null; above = above.getParent()) {
            if (Files.isDirectory(above.resolve(model))) {
                return above;
            }
        }
        throw new UserError(folder + ": no folder above has the trace's model, " + model);
    }

    private Session open(
            Trace trace, ConfiguredAdapter method, Trainer<?> trainer, Model model, ParameterStore parameters) {
        parameters.restore(trace.initial(), Map.of());
        Wiring wiring = new Wiring(model);
        method.attach(wiring.attachment(parameters.claim(Optional.empty())));
        Trainer.Objective objective = objective(trainer, model, parameters);
        if (!parameters.unclaimed().isEmpty()) {
            throw new UnknownMethod(
                    trace.method(),
                    "method '" + trace.method() + "' has parameters that no plug-in claims: "
                            + parameters.unclaimed().stream().sorted().limit(5).toList());
        }
        if (parameters.count() != trace.trainable()) {
            throw new UnknownMethod(
                    trace.method(),
                    "method '" + trace.method() + "' trained " + trace.trainable()
                            + " numbers in this trace, whose files have " + parameters.count());
        }
        return new Session(objective, wiring, List.of());
    }

    private static <O extends Record> Trainer.Objective objective(
            Trainer<O> trainer, Model model, ParameterStore parameters) {
        O options = new OptionBinder().bind(PluginRef.named("trainer"), "trainer", trainer.options(), Path.of(""));
        return trainer.open(options, new TrainerSetup(parameters.claim(Optional.empty()), model, classes(model)));
    }

    /** A trace has class numbers only: they get names by the rows of the model's own head. */
    private static List<String> classes(Model model) {
        Tensor head = model.weights().get(model.classifierPath() + ".weight");
        List<String> names = new ArrayList<>();
        for (int i = 0; head != null && i < head.shape().dim(0); i++) {
            names.add("LABEL_" + i);
        }
        return names;
    }

    private static Outcome run(
            Trace trace,
            String engine,
            Model model,
            Session session,
            ParameterStore parameters,
            Stepper stepper,
            Optimisation optimisation,
            ConfiguredAdapter method) {
        double loss = 0;
        double norm = 0;
        String differences = "";
        double logits = worst(stepper.logits(session, trace.probe()), trace.logitsBefore());
        for (int step = 0; step < trace.losses().length; step++) {
            optimisation.before(session, step);
            Optimisation.Step done = optimisation.step(session, trace.batches().get(step), step, Pace.PEAK);
            String difference = trace.difference(step, optimisation.takeNotes());
            differences = differences.isEmpty() ? difference : differences;
            loss = larger(loss, relative(done.loss(), trace.losses()[step]));
            norm = larger(norm, relative(done.norm(), trace.gradientNorms()[step]));
        }
        int last = trace.losses().length - 1;
        double end = stepper.gradients(session, trace.batches().get(last), last).loss();
        loss = larger(loss, relative(end, trace.finalLoss()));
        logits = larger(logits, worst(stepper.logits(session, trace.probe()), trace.logitsAfter()));
        double weights = 0;
        Map<String, Tensor> saved =
                method.saved(new Adapter.Trained(parameters.all(), parameters.states(), trace.losses().length));
        for (Map.Entry<String, double[]> e : trace.last().entrySet()) {
            double difference = Optional.ofNullable(saved.get(e.getKey()))
                    .map(ours -> worst(
                            determined(e.getKey(), inFile(model, e.getKey(), ours)),
                            determined(e.getKey(), e.getValue())))
                    .orElse(Double.NaN);
            weights = larger(weights, difference);
        }
        return new Outcome(
                trace.folder().toString(), engine, trace.losses().length, loss, norm, weights, logits, differences);
    }

    /** The elements of a parameter as the family's files order them. */
    private static double[] inFile(Model model, String name, Tensor parameter) {
        if (!model.transposedInFiles(name)) {
            return parameter.toDoubles();
        }
        try (Tensor turned = parameter.detach().transpose()) {
            return turned.toDoubles();
        }
    }

    /**
     * The elements without the biases of attention's keys: these shift all scores of a query alike, so their gradients are 0 but for
     * rounding, which Adam turns into whole steps in either direction.
     */
    private static double[] determined(String name, double[] values) {
        if (name.endsWith(".attention.self.key.bias") || name.endsWith(".fusion.key.bias")) {
            return new double[0];
        }
        if (name.endsWith(".attn.c_attn.bias")) { // of queries, keys and values
            double[] others = Arrays.copyOf(values, values.length / 3 * 2);
            System.arraycopy(values, values.length / 3 * 2, others, values.length / 3, values.length / 3);
            return others;
        }
        return values;
    }

    /** To a reference of 0, the norm of gradients that a batch does not reach, the number itself. */
    private static double relative(double ours, double reference) {
        return reference == 0 ? Math.abs(ours) : Math.abs(ours - reference) / Math.abs(reference);
    }

    /** The largest difference, relative to the largest reference value. */
    private static double worst(double[] ours, double[] reference) {
        if (ours.length != reference.length) {
            return Double.NaN;
        }
        double difference = 0;
        double scale = 0;
        for (int i = 0; i < ours.length; i++) {
            difference = larger(difference, Math.abs(ours[i] - reference[i]));
            scale = Math.max(scale, Math.abs(reference[i]));
        }
        return scale == 0 ? difference : difference / scale;
    }

    /** Math.max keeps a NaN, as it must be kept here. */
    private static double larger(double a, double b) {
        return Math.max(a, b);
    }

    // ---- which plug-in ----

    private PluginLease<Trainer<?>> trainer(Trace trace) {
        String name = trace.perToken() ? "causal-lm" : "classification";
        return plugins.find(PluginKind.TRAINER, PluginRef.named(name), Replayer::stays)
                .orElseThrow(() -> new UnknownMethod(trace.method(), "no trainer '" + name + "' is installed"));
    }

    /** The adapter of a trace: by its PEFT type where it has a configuration, else by the method's name. */
    private ConfiguredAdapter method(Trace trace) {
        if (trace.config().isEmpty()) {
            return ConfiguredAdapter.named(plugins, PluginRef.named(trace.method()), Path.of(""), Replayer::stays)
                    .orElseThrow(() ->
                            new UnknownMethod(trace.method(), "no adapter '" + trace.method() + "' is installed"));
        }
        try {
            return ConfiguredAdapter.ofPeft(plugins, trace.config().get(), Replayer::stays);
        } catch (ConfiguredAdapter.NoneFits e) {
            throw new UnknownMethod(trace.method(), e.getMessage());
        }
    }

    /** A replay takes seconds, and is begun anew where a plug-in left. */
    private static void stays() {}
}
