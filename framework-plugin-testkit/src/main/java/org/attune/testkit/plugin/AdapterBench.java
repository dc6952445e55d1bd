package org.attune.testkit.plugin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.optim.Pace;
import org.attune.kernel.optim.Updater;
import org.attune.kernel.spec.AdapterScope;
import org.attune.kernel.spec.Optimizer;
import org.attune.kernel.step.Course;
import org.attune.kernel.step.Observation;
import org.attune.kernel.step.Optimisation;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Adapter;
import org.attune.training.Sample;

/**
 * One adapter on a tiny model, attached and trained by the kernel as in a trial, in float64. The loss is the sum of squares of the last
 * hidden states over two packed sequences.
 */
public final class AdapterBench implements AutoCloseable {
    private static final List<Sample> SAMPLES = List.of(
            new Sample(0, new int[] {0, 1, 2}, new int[3], new int[] {0}),
            new Sample(1, new int[] {3, 4}, new int[2], new int[] {1}));

    private static final StepSettings SETTINGS = new StepSettings(1, 1000, 3);

    private final Model model;
    private final ParameterStore parameters;
    private final Workers workers = new Workers(1, "bench");
    private final Stepper stepper;
    private Wiring wiring;
    private Map<String, Shape> claimed = Map.of();

    /** Nothing is attached yet. */
    public AdapterBench(Function<TensorEngine, Model> maker) {
        this(maker, Map.of(), Map.of());
    }

    /**
     * @param saved values of parameters that were trained before
     * @param states what methods remembered
     */
    public AdapterBench(
            Function<TensorEngine, Model> maker, Map<String, double[]> saved, Map<String, double[]> states) {
        ReferenceEngine engine = new ReferenceEngine();
        model = maker.apply(engine);
        parameters = new ParameterStore(engine, model, 3);
        parameters.restore(saved, Map.of());
        parameters.restoreStates(states);
        wiring = new Wiring(model, this::observe);
        stepper = new Stepper(engine, model, parameters, workers, SETTINGS);
    }

    /** With one adapter. */
    public static <O extends Record> AdapterBench of(
            Function<TensorEngine, Model> maker, Adapter<O> adapter, O options) {
        return of(maker, adapter, options, Map.of());
    }

    /** @param saved values of parameters that were trained before */
    public static <O extends Record> AdapterBench of(
            Function<TensorEngine, Model> maker, Adapter<O> adapter, O options, Map<String, double[]> saved) {
        AdapterBench bench = new AdapterBench(maker, saved, Map.of());
        try {
            return bench.attach(adapter, options);
        } catch (RuntimeException e) {
            bench.close();
            throw e;
        }
    }

    /** Attaches one adapter more. */
    public <O extends Record> AdapterBench attach(Adapter<O> adapter, O options) {
        return attach(adapter, options, "");
    }

    /**
     * As above.
     *
     * @param name its own in the trial; empty for none
     */
    public <O extends Record> AdapterBench attach(Adapter<O> adapter, O options, String name) {
        ParameterStore.Claim claim = parameters.claim(Optional.empty(), new AdapterScope(name));
        adapter.attach(options, wiring.attachment(claim));
        claimed = Map.copyOf(claim.claimed());
        return this;
    }

    /**
     * Attaches the last adapter anew, as after a swap of its code.
     *
     * @return what it asks for otherwise than before
     */
    public <O extends Record> List<String> swap(Adapter<O> adapter, O options) {
        ParameterStore.Claim claim = parameters.claim(Optional.of(claimed));
        wiring = new Wiring(model, this::observe);
        adapter.attach(options, wiring.attachment(claim));
        return claim.differences();
    }

    private void observe(Collection<String> paths, Adapter.Observer observer) {
        new Observation(
                        model.weights().values().iterator().next().engine(),
                        model,
                        parameters,
                        parameters,
                        workers,
                        SETTINGS)
                .run(new SumOfSquares(model), SAMPLES, SAMPLES.size(), paths, observer);
    }

    public Model model() {
        return model;
    }

    public ParameterStore parameters() {
        return parameters;
    }

    public Wiring wiring() {
        return wiring;
    }

    // ---- passes ----

    /** The last hidden states without dropout [tokens, hidden]. */
    public double[] hidden() {
        return stepper.logits(session(wiring), SAMPLES);
    }

    /** The same of the second sequence alone, after the first was given other tokens. */
    double[] hiddenOfSecond(int... first) {
        Sample changed = new Sample(0, first, new int[first.length], new int[] {0});
        double[] all = stepper.logits(session(wiring), List.of(changed, SAMPLES.get(1)));
        int rows = SAMPLES.get(1).ids().length * model.hiddenSize();
        return Arrays.copyOfRange(all, all.length - rows, all.length);
    }

    /** The hidden states of the model with nothing attached; trained copies of its weights still take their place. */
    public double[] bareHidden() {
        return stepper.logits(session(new Wiring(model)), SAMPLES);
    }

    /** The mean loss in training. */
    public double loss() {
        return stepper.gradients(session(wiring), SAMPLES, 0).loss();
    }

    /** Its gradients by name. */
    public Map<String, double[]> gradients() {
        Stepper.Result result = stepper.gradients(session(wiring), SAMPLES, 0);
        Map<String, double[]> gradients = new LinkedHashMap<>();
        parameters
                .trained()
                .forEach((name, t) ->
                        gradients.put(name, result.gradients().of(t).toDoubles()));
        return gradients;
    }

    /** Of the loss along the {@code i}th element of a parameter that is {@code at}, by a finite difference. */
    public double slope(Tensor t, double[] at, int i) {
        double h = 1e-5;
        double[] moved = at.clone();
        moved[i] = at[i] + h;
        t.set(moved);
        double up = loss();
        moved[i] = at[i] - h;
        t.set(moved);
        double down = loss();
        t.set(at);
        return (up - down) / (2 * h);
    }

    /** Gives every parameter other values, so that all of a method takes part. */
    public void stir() {
        parameters.all().forEach((name, t) -> {
            double[] values = t.toDoubles();
            for (int i = 0; i < values.length; i++) {
                values[i] += 0.3 * Math.sin(1 + i + name.length());
            }
            t.set(values);
        });
    }

    /** The tensors that a saved adapter has: all parameters, unless its format says otherwise. */
    public <O extends Record> Map<String, double[]> saved(Adapter<O> adapter, O options) {
        return Scope.inference(model.weights().values().iterator().next().engine(), () -> {
            Map<String, Tensor> all = parameters.all();
            return values(adapter.peft()
                    .map(format -> format.tensors(options, new Adapter.Trained(all, parameters.states(), 0)))
                    .orElse(all));
        });
    }

    // ---- training ----

    /**
     * What a checkpoint keeps.
     *
     * @param optimisation what is frozen, and since when parameters are trained
     */
    record Saved(
            Map<String, double[]> values,
            Map<String, double[]> states,
            Map<String, double[]> moments,
            ObjectNode optimisation,
            long updates) {
        static Saved nothing() {
            return new Saved(Map.of(), Map.of(), Map.of(), null, 0);
        }
    }

    /** A whole trial at a constant learning rate. */
    public void train(Course course) {
        train(course, 0, course.steps(), Saved.nothing());
    }

    /**
     * Steps of a trial.
     *
     * @param from what an earlier sitting left, whose values and states this bench was made with
     */
    Saved train(Course course, long first, long end, Saved from) {
        try (Updater optimizer = new Updater(new Optimizer.AdamW(0.01, 0.9, 0.999, 1e-8, 0.01), workers)) {
            Optimisation optimisation = new Optimisation(
                    stepper, parameters, optimizer, GradientClipping.NONE, Optional.empty(), workers, course);
            if (from.optimisation() != null) {
                optimisation.restore(
                        from.optimisation(),
                        from.updates(),
                        moments -> moments.forEach(
                                (name, t) -> t.set(from.moments().get(name))));
            }
            Session session = session(wiring);
            for (long step = first; step < end; step++) {
                optimisation.before(session, step);
                optimisation.step(session, SAMPLES, step, Pace.PEAK);
            }
            Map<String, double[]> moments = values(optimizer.moments(parameters.trained()));
            return new Saved(
                    values(parameters.all()),
                    values(parameters.states()),
                    moments,
                    optimisation.state(),
                    optimizer.steps());
        }
    }

    /** The elements of tensors. */
    static Map<String, double[]> values(Map<String, Tensor> tensors) {
        Map<String, double[]> values = new LinkedHashMap<>();
        tensors.forEach((name, t) -> values.put(name, t.toDoubles()));
        return values;
    }

    private Session session(Wiring w) {
        return new Session(new SumOfSquares(model), w, new ArrayList<>());
    }

    @Override
    public void close() {
        stepper.close();
        parameters.close();
        workers.close();
        model.close();
    }
}
