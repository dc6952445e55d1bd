package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.attune.evaluation.Prediction;
import org.attune.model.Model;
import org.attune.tensor.Gradients;
import org.attune.tensor.Rng;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.training.Batch;
import org.attune.training.Regularizer;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/**
 * Computes losses, gradients and predictions of a trial on its workers. Each worker sums into gradients of its own; the sums are
 * added in worker order. Not thread-safe.
 */
public final class Stepper implements AutoCloseable {
    private final TensorEngine engine;
    private final Model model;
    private final ParameterStore parameters;
    private final Workers workers;
    private final int microTokens;
    private final Rng dropout;
    private final List<Gradients> gradients = new ArrayList<>();

    /** @param microTokens about so many tokens are computed at once by a worker */
    public Stepper(
            TensorEngine engine, Model model, ParameterStore parameters, Workers workers, int microTokens, long seed) {
        this.engine = engine;
        this.model = model;
        this.parameters = parameters;
        this.workers = workers;
        this.microTokens = microTokens;
        this.dropout = Rng.of(seed).at("dropout");
    }

    /**
     * The mean loss of {@code samples} with the penalties, and its gradients, which stay valid until the next call.
     *
     * @param step counted from 0; decides the dropout masks
     */
    public Result gradients(Session session, List<Sample> samples, long step) {
        Collection<Tensor> trainable = parameters.all().values();
        while (gradients.size() < workers.count()) {
            gradients.add(new Gradients(trainable));
        }
        double weight = 0;
        for (Sample s : samples) {
            weight += session.objective().weight(s);
        }
        double scale = weight == 0 ? 0 : 1 / weight;
        List<List<Batch>> shares = MicroBatches.assign(samples, microTokens, workers.count());
        double[] losses = new double[workers.count()];
        Rng stepDropout = dropout.at(step);
        workers.run(w -> {
            gradients.get(w).zero();
            for (Batch batch : shares.get(w)) {
                losses[w] += accumulate(session, batch, scale, stepDropout, gradients.get(w));
            }
        });
        double loss = 0;
        Gradients sum = gradients.get(0);
        for (int w = 0; w < workers.count(); w++) {
            loss += losses[w];
            if (w > 0) {
                sum.add(1, gradients.get(w));
            }
        }
        loss += penalties(session.penalties(), sum);
        return new Result(loss, sum);
    }

    private double accumulate(Session session, Batch batch, double scale, Rng stepDropout, Gradients into) {
        try (Scope scope = Scope.open(engine)) {
            ForwardPass pass = new ForwardPass(model, parameters, session.wiring(), batch.tokens(), stepDropout);
            Tensor loss = session.objective().loss(pass, batch).mul(scale);
            double value = loss.item();
            scope.backward(loss, into);
            return value;
        }
    }

    private double penalties(List<Regularizer.Penalty> penalties, Gradients into) {
        double value = 0;
        for (Regularizer.Penalty penalty : penalties) {
            try (Scope scope = Scope.open(engine)) {
                Optional<Tensor> loss = penalty.loss();
                if (loss.isPresent()) {
                    value += loss.get().item();
                    scope.backward(loss.get(), into);
                }
            }
        }
        for (Regularizer.Penalty penalty : penalties) {
            penalty.gradients(name -> into.of(parameters
                    .find(name)
                    .orElseThrow(() -> new IllegalArgumentException("no trainable tensor " + name))));
        }
        return value;
    }

    /** One prediction a sample, in order. */
    public List<Prediction> predict(Session session, List<Sample> samples) {
        return run(session, parameters, samples, (objective, pass, batch) -> objective.predict(pass, batch));
    }

    /** Mean-pooled last hidden states of the model without adapters: one vector a sample [samples, hidden]. */
    public float[][] embed(List<Sample> samples) {
        Session bare = new Session(null, new Wiring(model), List.of());
        ParameterStore none = new ParameterStore(engine, model, 0);
        return run(bare, none, samples, (objective, pass, batch) -> {
                    Tensor hidden = model.encode(pass);
                    List<float[]> means = new ArrayList<>();
                    for (int s = 0; s < batch.tokens().sequences(); s++) {
                        means.add(hidden.slice(
                                        0,
                                        batch.tokens().offsets()[s],
                                        batch.tokens().offsets()[s + 1])
                                .mean(0)
                                .toFloats());
                    }
                    return means;
                })
                .toArray(float[][]::new);
    }

    /** Logits of the samples in one batch, as the trainer's loss reads them. */
    public double[] logits(Session session, List<Sample> samples) {
        Batch batch = Batch.of(samples);
        ForwardPass pass = new ForwardPass(model, parameters, session.wiring(), batch.tokens(), null);
        return Scope.inference(
                engine, () -> session.objective().logits(pass, batch).toDoubles());
    }

    private interface Work<T> {
        List<T> of(Trainer.Objective objective, ForwardPass pass, Batch batch);
    }

    private <T> List<T> run(Session session, ParameterStore weights, List<Sample> samples, Work<T> work) {
        List<List<Sample>> shares = split(samples, workers.count());
        List<List<T>> found = new ArrayList<>();
        shares.forEach(share -> found.add(new ArrayList<>()));
        workers.run(w -> {
            for (Batch batch :
                    MicroBatches.assign(shares.get(w), microTokens, 1).get(0)) {
                ForwardPass pass = new ForwardPass(model, weights, session.wiring(), batch.tokens(), null);
                List<T> some = Scope.inference(engine, () -> work.of(session.objective(), pass, batch));
                if (some.size() != batch.samples().size()) {
                    throw new IllegalStateException("the trainer gave " + some.size() + " predictions for "
                            + batch.samples().size() + " samples");
                }
                found.get(w).addAll(some);
            }
        });
        return found.stream().flatMap(List::stream).toList();
    }

    /** Contiguous parts of about the same number of samples, so that results keep their order. */
    private static List<List<Sample>> split(List<Sample> samples, int parts) {
        List<List<Sample>> shares = new ArrayList<>();
        for (int p = 0; p < parts; p++) {
            shares.add(samples.subList(samples.size() * p / parts, samples.size() * (p + 1) / parts));
        }
        return shares;
    }

    /** Frees the gradients. */
    @Override
    public void close() {
        gradients.forEach(Gradients::close);
        gradients.clear();
    }

    /** @param loss mean loss in nats, penalties included */
    public record Result(double loss, Gradients gradients) {}
}
