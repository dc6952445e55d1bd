package org.attune.kernel.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.attune.data.Example;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Prediction;
import org.attune.kernel.fake.Classes;
import org.attune.kernel.fake.Scale;
import org.attune.kernel.fake.TinyModel;
import org.attune.model.Forward;
import org.attune.plugin.NoOptions;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.Rng;
import org.attune.tensor.Tensor;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Batch;
import org.attune.training.Regularizer;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StepperTest {
    private final ReferenceEngine engine = new ReferenceEngine();
    private final TinyModel model = new TinyModel(engine);
    private final ParameterStore parameters = new ParameterStore(engine, model, 3);
    private final Wiring wiring = new Wiring(model);
    private final Classes trainer = new Classes();
    private final Trainer.Objective objective;

    StepperTest() {
        new Scale().attach(new Scale.Options(0.2), wiring.attachment(parameters.claim(Optional.empty())));
        objective = trainer.open(
                new NoOptions(), new TrainerSetup(parameters.claim(Optional.empty()), model, List.of("a", "b", "c")));
    }

    @AfterEach
    void nothingIsLeft() {
        parameters.close();
        model.close();
        assertThat(engine.stats().liveBytes()).isZero();
    }

    private static List<Sample> samples(int n) {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            Rng rng = Rng.of(8).at(i);
            int[] ids = new int[1 + rng.below(6, 0)];
            for (int t = 0; t < ids.length; t++) {
                ids[t] = rng.below(12, 1 + t);
            }
            samples.add(new Sample(100 + i, ids, new int[ids.length], new int[] {rng.below(3, 20)}));
        }
        return samples;
    }

    private record Step(double loss, Map<String, double[]> gradients) {}

    private Step step(int lanes, int microTokens, List<Sample> samples, Session session) {
        return step(2, lanes, microTokens, samples, session);
    }

    private Step step(int workers, int lanes, int microTokens, List<Sample> samples, Session session) {
        return step(workers, new StepSettings(lanes, microTokens, 5), samples, session);
    }

    private Step step(StepSettings settings, List<Sample> samples) {
        return step(2, settings, samples, session());
    }

    private Step step(int workers, StepSettings settings, List<Sample> samples, Session session) {
        try (Workers threads = new Workers(workers, "test");
                Stepper stepper = new Stepper(engine, model, parameters, threads, settings)) {
            stepper.gradients(session, samples.subList(0, 1), 6); // a step before must leave nothing behind
            Stepper.Result result = stepper.gradients(session, samples, 7);
            Map<String, double[]> gradients = new LinkedHashMap<>();
            parameters
                    .all()
                    .forEach((name, t) ->
                            gradients.put(name, result.gradients().of(t).toDoubles()));
            return new Step(result.loss(), gradients);
        }
    }

    private Stepper stepper(Workers workers, int lanes, int microTokens) {
        return new Stepper(engine, model, parameters, workers, new StepSettings(lanes, microTokens, 5));
    }

    private Session session(Regularizer.Penalty... penalties) {
        return new Session(objective, wiring, List.of(penalties));
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1, 7", "2, 1000", "3, 4", "5, 2"})
    void howAStepIsCutDoesNotMatter(int lanes, int microTokens) {
        List<Sample> samples = samples(17);
        Step whole = step(1, 1000, samples, session());
        Step cut = step(lanes, microTokens, samples, session());
        assertThat(cut.loss()).isCloseTo(whole.loss(), within(1e-12));
        whole.gradients()
                .forEach((name, g) ->
                        assertThat(cut.gradients().get(name)).as(name).containsExactly(g, within(1e-12)));
        for (int workers = 1; workers <= 4; workers++) {
            Step again = step(workers, lanes, microTokens, samples, session());
            assertThat(again.loss()).isEqualTo(cut.loss());
            assertThat(again.gradients())
                    .as("the same cut gives the same bits, in %d threads too", workers)
                    .usingRecursiveComparison()
                    .isEqualTo(cut.gradients());
        }
    }

    @Test
    void predictionsAreTheSameBitsAtAnyNumberOfThreads() {
        List<Sample> samples = samples(40);
        List<double[]> first = null;
        for (int workers = 1; workers <= 3; workers++) {
            try (Workers threads = new Workers(workers, "test");
                    Stepper stepper = stepper(threads, 3, 7)) {
                List<double[]> all = stepper.predict(session(), samples).stream()
                        .map(p -> ((ClassPrediction) p).probabilities())
                        .toList();
                first = first == null ? all : first;
                assertThat(all).usingRecursiveComparison().isEqualTo(first);
            }
        }
    }

    @Test
    void theLossIsTheMeanOverTheWeights() {
        List<Sample> samples = samples(9);
        Step mean = step(2, 5, samples, session());
        Session doubled = new Session(new Weighted(objective, 2), wiring, List.of());
        assertThat(step(2, 5, samples, doubled).loss()).isCloseTo(mean.loss() / 2, within(1e-12));
    }

    @Test
    void samplesThatCountNothingGiveNoLossAndNoGradient() {
        Step step = step(2, 5, samples(9), new Session(new Weighted(objective, 0), wiring, List.of()));
        assertThat(step.loss()).isZero();
        assertThat(step.gradients().values()).allSatisfy(g -> assertThat(g).containsOnly(0));
    }

    private static class Weighted implements Trainer.Objective {
        private final Trainer.Objective inner;
        private final double each;

        Weighted(Trainer.Objective inner, double each) {
            this.inner = inner;
            this.each = each;
        }

        @Override
        public Sample prepare(Example example, long index) {
            return inner.prepare(example, index);
        }

        @Override
        public double weight(Sample sample) {
            return each;
        }

        @Override
        public Tensor logits(Forward forward, Batch batch) {
            return inner.logits(forward, batch);
        }

        @Override
        public Tensor loss(Forward forward, Batch batch) {
            return inner.loss(forward, batch);
        }

        @Override
        public List<Prediction> predict(Forward forward, Batch batch) {
            return List.of();
        }
    }

    /** An objective that is asked for the whole batch. */
    private static final class Coupled extends Weighted {
        private final List<Batch> seen = new CopyOnWriteArrayList<>();

        Coupled(Trainer.Objective inner) {
            super(inner, 1);
        }

        @Override
        public boolean coupled() {
            return true;
        }

        @Override
        public Tensor loss(Forward forward, Batch batch) {
            seen.add(batch);
            return super.loss(forward, batch);
        }
    }

    @Test
    void aCoupledObjectiveGetsTheWholeBatch() {
        List<Sample> samples = samples(17);
        Coupled coupled = new Coupled(objective);
        Step step = step(3, 4, samples, new Session(coupled, wiring, List.of()));
        assertThat(coupled.seen).hasSize(2); // of one sample in the step before
        assertThat(coupled.seen.get(1).samples()).isEqualTo(samples);
        assertThat(step.loss()).isEqualTo(step(1, 100_000, samples, session()).loss());
    }

    /** Everything beside what lies at the ends of stages is computed twice, and nothing comes out otherwise. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void checkpointingChangesNoBit(boolean narrow) {
        List<Sample> samples = samples(17);
        Optional<DType> precision = narrow ? Optional.of(DType.BFLOAT16) : Optional.empty();
        Step kept = step(new StepSettings(2, 8, precision, false, 5), samples);
        long calls = engine.stats().kernelCalls();
        Step again = step(new StepSettings(2, 8, precision, true, 5), samples);
        long more = engine.stats().kernelCalls() - calls;
        step(new StepSettings(2, 8, precision, false, 5), samples);
        assertThat(more).isGreaterThan(engine.stats().kernelCalls() - calls - more);
        assertThat(again.loss()).isEqualTo(kept.loss());
        assertThat(again.gradients()).usingRecursiveComparison().isEqualTo(kept.gradients());
    }

    @Test
    void penaltiesAreAddedOnceHoweverManyLanesThereAre() {
        List<Sample> samples = samples(11);
        Tensor bias = parameters.find("classifier.bias").orElseThrow();
        bias.set(1, 2, 3);
        Regularizer.Penalty penalty = new Regularizer.Penalty() {
            @Override
            public Optional<Tensor> loss() {
                return Optional.of(bias.square().sum());
            }

            @Override
            public void gradients(Regularizer.GradientView gradients) {
                double[] g = gradients.of("classifier.bias").toDoubles();
                gradients.of("classifier.bias").set(g[0] + 100, g[1], g[2]);
            }
        };
        Step bare = step(3, 4, samples, session());
        Step penalised = step(3, 4, samples, session(penalty));
        assertThat(penalised.loss()).isCloseTo(bare.loss() + 14, within(1e-12));
        double[] g = bare.gradients().get("classifier.bias");
        assertThat(penalised.gradients().get("classifier.bias"))
                .containsExactly(new double[] {g[0] + 2 + 100, g[1] + 4, g[2] + 6}, within(1e-12));
        assertThat(penalised.gradients().get("classifier.weight"))
                .isEqualTo(bare.gradients().get("classifier.weight"));
    }

    @Test
    void predictionsAndEmbeddingsComeInTheOrderOfTheSamples() {
        List<Sample> samples = samples(150);
        try (Workers one = new Workers(1, "one");
                Workers three = new Workers(3, "three");
                Stepper whole = stepper(one, 1, 100_000);
                Stepper cut = stepper(three, 4, 7)) {
            List<Prediction> predictions = cut.predict(session(), samples);
            assertThat(predictions)
                    .extracting(Prediction::example)
                    .isEqualTo(samples.stream().map(Sample::example).toList());
            List<Prediction> expected = whole.predict(session(), samples);
            for (int i = 0; i < samples.size(); i++) {
                assertThat(((ClassPrediction) predictions.get(i)).probabilities())
                        .containsExactly(((ClassPrediction) expected.get(i)).probabilities(), within(1e-12));
            }
            float[][] embeddings = cut.embed(samples);
            float[][] expectedEmbeddings = whole.embed(samples);
            assertThat(embeddings).hasDimensions(150, TinyModel.HIDDEN);
            for (int i = 0; i < 150; i++) {
                assertThat(embeddings[i]).containsExactly(expectedEmbeddings[i], within(1e-6f));
            }
        }
    }

    @Test
    void aTrainerThatLosesPredictionsIsFoundOut() {
        try (Workers threads = new Workers(2, "test");
                Stepper stepper = stepper(threads, 2, 7)) {
            Session lossy = new Session(new Weighted(objective, 1), wiring, List.of());
            assertThatThrownBy(() -> stepper.predict(lossy, samples(5)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("0 predictions for");
        }
    }

    @Test
    void aMistakeFoundOnAWorkerIsTheUsersStill() {
        trainer.onLoss = batch -> {
            throw new UserError("one clear line");
        };
        assertThatThrownBy(() -> step(3, 4, samples(11), session()))
                .isInstanceOf(UserError.class)
                .hasMessage("one clear line");
    }
}
