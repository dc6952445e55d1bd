package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import org.attune.evaluation.Prediction;
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.optim.Piece;
import org.attune.kernel.step.MicroBatches.MicroBatch;
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
 * Computes losses, gradients and predictions of a trial on its workers. A batch is dealt out to lanes, each with gradients of its
 * own, which are added in order; a worker takes whole lanes. So the number of workers changes no bit. Not thread-safe.
 */
public final class Stepper implements AutoCloseable {
    /** Micro-batches of each lane. */
    private static final int KEPT_AT_ONCE = 8;

    private final TensorEngine engine;
    private final Model model;
    private final ParameterStore parameters;
    private final Workers workers;
    private final StepSettings settings;
    private final PrefixCache cache;
    private final Rng dropout;
    /** One a lane. */
    private final List<Gradients> gradients = new ArrayList<>();

    /** A stepper that computes all of the model each time. */
    public Stepper(
            TensorEngine engine, Model model, ParameterStore parameters, Workers workers, StepSettings settings) {
        this(engine, model, parameters, workers, settings, PrefixCache.none(engine));
    }

    /** @param cache closed by its owner */
    public Stepper(
            TensorEngine engine,
            Model model,
            ParameterStore parameters,
            Workers workers,
            StepSettings settings,
            PrefixCache cache) {
        this.engine = engine;
        this.model = model;
        this.parameters = parameters;
        this.workers = workers;
        this.settings = settings;
        this.cache = cache;
        this.dropout = Rng.of(settings.seed()).at("dropout");
    }

    /**
     * The mean loss of {@code samples} with the penalties, and its gradients, which stay valid until the next call.
     *
     * @param step counted from 0; decides the dropout masks
     */
    public Result gradients(Session session, List<Sample> samples, long step) {
        return gradients(session, samples, step, 1);
    }

    /**
     * As above, in the range of a narrow type. Where gradients overflow they are left as they are, without penalties.
     *
     * @param lossScale the loss is multiplied by it for the backward pass, and the gradients are divided by it
     */
    Result gradients(Session session, List<Sample> given, long step, double lossScale) {
        List<Sample> samples = session.whole(given);
        Collection<Tensor> trainable = parameters.trained().values();
        while (gradients.size() < settings.lanes()) {
            gradients.add(new Gradients(trainable));
        }
        gradients.forEach(g -> g.cover(trainable));
        double weight = 0;
        for (Sample s : samples) {
            weight += session.objective().weight(s);
        }
        double scale = weight == 0 ? 0 : 1 / weight;
        PrefixCache.Split kept = cache.training();
        cache.check(session.wiring(), parameters);
        List<List<MicroBatch>> shares =
                session.objective().coupled() ? MicroBatches.whole(samples, settings.lanes()) : assign(samples, kept);
        double[] losses = new double[settings.lanes()];
        Rng stepDropout = dropout.at(step);
        eachLane(l -> {
            gradients.get(l).zero();
            for (MicroBatch micro : shares.get(l)) {
                ForwardPass pass = pass(parameters, session, micro.batch(), stepDropout, kept);
                losses[l] += accumulate(session.objective(), pass, micro.batch(), scale, lossScale, gradients.get(l));
            }
        });
        double loss = 0;
        Gradients sum = gradients.get(0);
        for (int l = 0; l < settings.lanes(); l++) {
            loss += losses[l];
        }
        addLanes(List.copyOf(trainable), 1 / lossScale);
        if (lossScale != 1 && !Double.isFinite(GradientClipping.norm(trainable, sum, workers))) {
            return new Result(loss, sum);
        }
        loss += penalties(session, sum);
        return new Result(loss, sum);
    }

    /** Leaves {@code scale} times the sum of all lanes in the first. */
    private void addLanes(List<Tensor> trainable, double scale) {
        List<Piece> pieces = Piece.cut(trainable);
        workers.each(pieces.size(), i -> {
            Piece piece = pieces.get(i);
            Tensor p = trainable.get(piece.tensor());
            for (int l = 1; l < settings.lanes(); l++) {
                engine.accumulate(
                        1,
                        piece.of(gradients.get(l).of(p)),
                        piece.of(gradients.get(0).of(p)));
            }
            if (scale != 1) {
                engine.affine(
                        piece.of(gradients.get(0).of(p)),
                        scale,
                        0,
                        piece.of(gradients.get(0).of(p)));
            }
        });
    }

    private void eachLane(IntConsumer lane) {
        workers.run(w -> {
            for (int l = w; l < settings.lanes(); l += workers.count()) {
                lane.accept(l);
            }
        });
    }

    /** Examples whose prefix is kept stand apart from others, for a pass can leave it out for all of its examples only. */
    private List<List<MicroBatch>> assign(List<Sample> samples, PrefixCache.Split kept) {
        return MicroBatches.assign(
                samples, settings.microTokens(), settings.lanes(), s -> kept != null && kept.has(s.example()));
    }

    private ForwardPass pass(
            ParameterStore weights, Session session, Batch batch, Rng stepDropout, PrefixCache.Split kept) {
        return new ForwardPass(model, weights, session.wiring(), settings, batch.tokens(), stepDropout, kept);
    }

    private double accumulate(
            Trainer.Objective objective,
            ForwardPass pass,
            Batch batch,
            double scale,
            double lossScale,
            Gradients into) {
        try (Scope scope = Scope.open(engine)) {
            Tensor loss = objective.loss(pass, batch).mul(scale);
            double value = loss.item();
            scope.backward(lossScale == 1 ? loss : loss.mul(lossScale), into);
            return value;
        }
    }

    private double penalties(Session session, Gradients into) {
        double value = 0;
        for (Supplier<Tensor> penalty : session.wiring().penalties()) {
            value += penalty(() -> Optional.of(penalty.get()), into);
        }
        for (Regularizer.Penalty penalty : session.penalties()) {
            value += penalty(penalty::loss, into);
        }
        Regularizer.GradientView view = view(into);
        for (Regularizer.Penalty penalty : session.penalties()) {
            penalty.gradients(view);
        }
        return value;
    }

    private double penalty(Supplier<Optional<Tensor>> penalty, Gradients into) {
        try (Scope scope = Scope.open(engine)) {
            Optional<Tensor> loss = penalty.get();
            loss.ifPresent(l -> scope.backward(l, into));
            return loss.map(Tensor::item).orElse(0.0);
        }
    }

    /** Gradients by the names of what is trained. */
    Regularizer.GradientView view(Gradients of) {
        return name -> of.of(parameters
                .find(name)
                .filter(t -> parameters.isTrained(name))
                .orElseThrow(() -> new IllegalArgumentException("no tensor that is trained now: " + name)));
    }

    /**
     * Computes what the frozen prefix of the model gives for the next samples of a split, and keeps it.
     *
     * @param split one of the cache's
     * @param samples all of the split
     * @return whether there are more, and room for them
     */
    public boolean keep(Session session, PrefixCache.Split split, List<Sample> samples) {
        cache.check(session.wiring(), parameters);
        if (split.closed() || split.seen() == samples.size()) {
            return false;
        }
        List<Sample> next = session.whole(next(samples.subList(split.seen(), samples.size())));
        List<List<MicroBatch>> shares = assign(next, null);
        List<List<PrefixPass.Prefix>> prefixes = new ArrayList<>();
        shares.forEach(share -> prefixes.add(new ArrayList<>()));
        try {
            eachLane(l -> shares.get(l).forEach(micro -> prefixes.get(l).add(prefix(session, micro.batch(), split))));
            for (int l = 0; l < settings.lanes(); l++) {
                for (int i = 0; i < shares.get(l).size(); i++) {
                    Batch batch = shares.get(l).get(i).batch();
                    split.add(batch.tokens(), prefixes.get(l).get(i));
                }
            }
        } finally {
            prefixes.forEach(some -> some.forEach(PrefixPass.Prefix::close));
        }
        split.saw(next.size());
        return !split.closed() && split.seen() < samples.size();
    }

    /** As many as make some micro-batches a lane: their results are held at once. */
    private List<Sample> next(List<Sample> samples) {
        long most = (long) KEPT_AT_ONCE * settings.lanes() * settings.microTokens();
        int n = 0;
        for (long tokens = 0; n < samples.size() && tokens < most; n++) {
            tokens += samples.get(n).ids().length;
        }
        return samples.subList(0, n);
    }

    private PrefixPass.Prefix prefix(Session session, Batch batch, PrefixCache.Split split) {
        boolean training = split == cache.training();
        PrefixPass pass = new PrefixPass(
                model, parameters, session.wiring(), settings, batch.tokens(), training ? dropout : null, split.end());
        Trainer.Objective objective = session.objective();
        return Scope.inference(
                engine,
                () -> pass.run(training ? () -> objective.loss(pass, batch) : () -> objective.predict(pass, batch)));
    }

    /** One prediction a sample, in order. */
    public List<Prediction> predict(Session session, List<Sample> samples) {
        cache.check(session.wiring(), parameters);
        return run(
                session,
                parameters,
                cache.evaluation(),
                samples,
                (objective, pass, batch) -> objective.predict(pass, batch));
    }

    /** Mean-pooled last hidden states of the model without adapters: one vector a sample [samples, hidden]. */
    public float[][] embed(List<Sample> samples) {
        Session bare = new Session(null, new Wiring(model), List.of());
        ParameterStore none = new ParameterStore(engine, model, 0);
        return run(bare, none, null, samples, (objective, pass, batch) -> {
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

    /** Logits of the samples in one batch, as the trainer's loss reads them; those of virtual tokens too, where there is a row a token. */
    public double[] logits(Session session, List<Sample> samples) {
        Batch batch = Batch.of(session.whole(samples));
        ForwardPass pass = pass(parameters, session, batch, null, null);
        return Scope.inference(
                engine, () -> session.objective().logits(pass, batch).toDoubles());
    }

    private interface Work<T> {
        List<T> of(Trainer.Objective objective, ForwardPass pass, Batch batch);
    }

    private <T> List<T> run(
            Session session, ParameterStore weights, PrefixCache.Split kept, List<Sample> given, Work<T> work) {
        List<Sample> samples = session.whole(given);
        List<List<MicroBatch>> shares = assign(samples, kept);
        List<T> found = new ArrayList<>(Collections.nCopies(samples.size(), null));
        eachLane(l -> {
            for (MicroBatch micro : shares.get(l)) {
                Batch batch = micro.batch();
                ForwardPass pass = pass(weights, session, batch, null, kept);
                List<T> some = Scope.inference(engine, () -> work.of(session.objective(), pass, batch));
                if (some.size() != batch.samples().size()) {
                    throw new IllegalStateException("the trainer gave " + some.size() + " predictions for "
                            + batch.samples().size() + " samples");
                }
                for (int i = 0; i < some.size(); i++) {
                    found.set(micro.places()[i], some.get(i));
                }
            }
        });
        return found;
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
