package org.attune.peft;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.attune.data.Example;
import org.attune.evaluation.Prediction;
import org.attune.kernel.optim.AdamW;
import org.attune.kernel.spec.TrialSpec;
import org.attune.kernel.step.Course;
import org.attune.kernel.step.Optimisation;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Adapter;
import org.attune.training.Batch;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/** One adapter on a tiny model, as the kernel wires it, in float64. */
public final class Bench implements AutoCloseable {
    private static final List<Sample> SAMPLES = List.of(
            new Sample(0, new int[] {0, 1, 2}, new int[3], new int[] {0}),
            new Sample(1, new int[] {3, 4}, new int[2], new int[] {1}));

    public final Model model;
    public final ParameterStore parameters;
    final Wiring wiring;
    private final Workers workers = new Workers(1, "bench");
    private final Stepper stepper;

    <O extends Record> Bench(Adapter<O> adapter, O options) {
        this(new ReferenceEngine(), TinyModel::new, adapter, options, Map.of());
    }

    /**
     * On another model.
     *
     * @param saved values of parameters that were trained before
     */
    public <O extends Record> Bench(
            ReferenceEngine engine,
            Function<TensorEngine, Model> maker,
            Adapter<O> adapter,
            O options,
            Map<String, double[]> saved) {
        model = maker.apply(engine);
        parameters = new ParameterStore(engine, model, 3);
        parameters.restore(saved, Map.of());
        wiring = new Wiring(model);
        adapter.attach(options, wiring.attachment(parameters.claim(Optional.empty())));
        stepper = new Stepper(engine, model, parameters, workers, new StepSettings(1, 1000, 3));
    }

    /** The last hidden states without dropout, [tokens, 3]. */
    public double[] hidden() {
        return stepper.logits(session(wiring), SAMPLES);
    }

    /** The same of the model with nothing attached; trained copies of its weights still take their place. */
    public double[] bareHidden() {
        return stepper.logits(session(new Wiring(model)), SAMPLES);
    }

    /** The mean loss in training, and its gradients by name. */
    public double loss() {
        return stepper.gradients(session(wiring), SAMPLES, 0).loss();
    }

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

    /** Gives every parameter values that are not zero, so that all of it takes part. */
    public void stir() {
        parameters.all().forEach((name, t) -> {
            double[] values = t.toDoubles();
            for (int i = 0; i < values.length; i++) {
                values[i] += 0.3 * Math.sin(1 + i + name.length());
            }
            t.set(values);
        });
    }

    /** A whole trial at a constant learning rate. */
    void train(Course course) {
        try (AdamW optimizer = new AdamW(new TrialSpec.Optimizer(0.01, 0.9, 0.999, 1e-8, 0), workers)) {
            Optimisation optimisation =
                    new Optimisation(stepper, parameters, optimizer, 0, Optional.empty(), workers, course);
            Session session = session(wiring);
            for (long step = 0; step < course.steps(); step++) {
                optimisation.before(session, step);
                optimisation.step(session, SAMPLES, step, 1);
            }
        }
    }

    /** The tensors that a saved adapter has. */
    public <O extends Record> Map<String, double[]> saved(Adapter<O> adapter, O options) {
        Map<String, double[]> values = new LinkedHashMap<>();
        Scope.inference(new ReferenceEngine(), () -> {
            adapter.peft()
                    .orElseThrow()
                    .tensors(options, new Adapter.Trained(parameters.all(), Map.of(), 0))
                    .forEach((name, t) -> values.put(name, t.toDoubles()));
            return null;
        });
        return values;
    }

    private Session session(Wiring w) {
        return new Session(new SumOfSquares(model), w, List.of());
    }

    @Override
    public void close() {
        stepper.close();
        parameters.close();
        workers.close();
        model.close();
    }

    private record SumOfSquares(Model model) implements Trainer.Objective {
        @Override
        public Sample prepare(Example example, long index) {
            throw new UnsupportedOperationException();
        }

        @Override
        public double weight(Sample sample) {
            return 1;
        }

        @Override
        public Tensor logits(Forward forward, Batch batch) {
            return model.encode(forward);
        }

        @Override
        public Tensor loss(Forward forward, Batch batch) {
            return model.encode(forward).square().sum();
        }

        @Override
        public List<Prediction> predict(Forward forward, Batch batch) {
            throw new UnsupportedOperationException();
        }
    }
}
