package org.attune.trainers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.attune.data.Example;
import org.attune.evaluation.ClassPrediction;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Initializer;
import org.attune.training.Parameters;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClassificationTest {
    private static final ClassificationOptions DEFAULTS = new ClassificationOptions(128, 0, Pooling.MODEL);
    private static final List<String> ANIMALS = List.of("cat", "dog");

    private final ReferenceEngine engine = new ReferenceEngine();

    private record Setup(Parameters parameters, Model model, List<String> labels) implements Trainer.Setup {
        @Override
        public Tensor parameter(String name, Shape shape, Initializer initializer) {
            return parameters.parameter(name, shape, initializer);
        }

        @Override
        public Tensor frozen(String name, Shape shape, Initializer initializer) {
            return parameters.frozen(name, shape, initializer);
        }

        @Override
        public Tensor state(String name, Shape shape) {
            return parameters.state(name, shape);
        }

        @Override
        public Tensor derived(String name, Shape shape, Initializer initializer) {
            return parameters.derived(name, shape, initializer);
        }

        @Override
        public Tensor train(String weight) {
            return parameters.train(weight);
        }
    }

    /** The trainer on a model, as the kernel opens it. */
    private final class Bench implements AutoCloseable {
        final TinyModel model;
        final ParameterStore parameters;
        final Trainer.Objective objective;
        private final Workers workers = new Workers(2, "bench");
        private final Stepper stepper;
        private final Session session;

        Bench(TinyModel model, ClassificationOptions options, List<String> labels) {
            this.model = model;
            parameters = new ParameterStore(engine, model, 1);
            objective =
                    new Classification().open(options, new Setup(parameters.claim(Optional.empty()), model, labels));
            stepper = new Stepper(engine, model, parameters, workers, new StepSettings(1, 4, 1));
            session = new Session(objective, new Wiring(model), List.of());
        }

        Sample sample(long index, String text, String label) {
            return objective.prepare(new Example("data.csv:18", Map.of("text", text, "label", label)), index);
        }

        List<ClassPrediction> predict(List<Sample> samples) {
            return stepper.predict(session, samples).stream()
                    .map(ClassPrediction.class::cast)
                    .toList();
        }

        @Override
        public void close() {
            stepper.close();
            parameters.close();
            workers.close();
            model.close();
        }
    }

    @Test
    void aNewHeadIsSmallAndNormalWithoutBias() {
        List<String> labels = IntStream.range(0, 500).mapToObj(i -> "c" + i).toList();
        try (Bench bench = new Bench(new TinyModel(engine), DEFAULTS, labels)) {
            assertThat(bench.parameters.all().keySet()).containsExactly("score.weight", "score.bias");
            Tensor weight = bench.parameters.all().get("score.weight");
            assertThat(weight.shape()).isEqualTo(Shape.of(500, 2));
            double[] w = weight.toDoubles();
            double square = 0;
            for (double v : w) {
                square += v * v;
            }
            assertThat(Math.sqrt(square / w.length)).isCloseTo(0.02, offset(0.002));
            assertThat(bench.parameters.all().get("score.bias").toDoubles())
                    .hasSize(500)
                    .containsOnly(0);
        }
    }

    /** RoBERTa's and DistilBERT's heads have one. */
    @Test
    void layersBeforeTheLastArePartOfTheHead() {
        try (Bench bench = new Bench(new TinyModel(engine).withClassifierLayer("dense"), DEFAULTS, ANIMALS)) {
            assertThat(bench.parameters.all().keySet())
                    .containsExactly("dense.weight", "dense.bias", "score.weight", "score.bias");
            assertThat(bench.parameters.all().get("dense.weight").shape()).isEqualTo(Shape.of(2, 2));
        }
    }

    @Test
    void theModelsOwnHeadIsTrainedFromWhereItIs() {
        try (Bench bench = new Bench(new TinyModel(engine).withHead(1, 2, 3, 4).withBias(5, 6), DEFAULTS, ANIMALS)) {
            assertThat(bench.parameters.all().get("score.weight").toDoubles()).containsExactly(1, 2, 3, 4);
            assertThat(bench.parameters.all().get("score.bias").toDoubles()).containsExactly(5, 6);
        }
        try (Bench bench = new Bench(new TinyModel(engine).withHead(1, 2, 3, 4), DEFAULTS, ANIMALS)) {
            assertThat(bench.parameters.all().keySet()).containsExactly("score.weight");
        }
    }

    @Test
    void aHeadForAnotherNumberOfLabelsIsReplaced() {
        TinyModel threeClasses =
                new TinyModel(engine).withHead(1, 2, 3, 4, 5, 6).withBias(7, 8, 9);
        try (Bench bench = new Bench(threeClasses, DEFAULTS, ANIMALS)) {
            Sample sample = bench.sample(0, "3", "cat");
            assertThat(bench.parameters.all().get("score.weight").shape()).isEqualTo(Shape.of(2, 2));
            assertThat(bench.stepper.logits(bench.session, List.of(sample))).hasSize(2);
        }
    }

    @Test
    void cutsTextAtWhatIsAskedForAndAtWhatTheModelTakes() {
        try (Bench bench = new Bench(new TinyModel(engine), DEFAULTS, ANIMALS)) {
            Sample sample = bench.sample(7, "3 4 5 6 7 8 9", "dog");
            assertThat(sample.ids()).containsExactly(1, 3, 4, 5, 6, 2);
            assertThat(sample.types()).containsExactly(0, 0, 0, 0, 0, 0);
            assertThat(sample.labels()).containsExactly(1);
            assertThat(sample.example()).isEqualTo(7);
            assertThat(bench.objective.weight(sample)).isEqualTo(1);
        }
        ClassificationOptions four = new ClassificationOptions(4, 0, Pooling.MODEL);
        try (Bench bench = new Bench(new TinyModel(engine), four, ANIMALS)) {
            assertThat(bench.sample(0, "3 4 5 6", "dog").ids()).containsExactly(1, 3, 4, 2);
        }
    }

    /** Tokens 1 3 5 2 are (1, 1), (3, 9), (5, 25), (2, 4); the head is the identity. */
    @ParameterizedTest
    @CsvSource({"MODEL, 2, 2", "MEAN, 2.75, 9.75", "FIRST, 1, 1"})
    void poolsAsAsked(Pooling pooling, double first, double second) {
        ClassificationOptions options = new ClassificationOptions(128, 0, pooling);
        try (Bench bench = new Bench(new TinyModel(engine).withHead(1, 0, 0, 1), options, ANIMALS)) {
            List<Sample> batch = List.of(bench.sample(0, "9 9 9", "cat"), bench.sample(1, "3 5", "cat"));
            double[] logits = bench.stepper.logits(bench.session, batch);
            assertThat(logits[2]).isCloseTo(first, offset(1e-6));
            assertThat(logits[3]).isCloseTo(second, offset(1e-6));
        }
    }

    /** Every text has the logits 2 and 2 + bias 1: p(dog) = 1 / (1 + e^-1). */
    @Test
    void lossIsTheMeanCrossEntropyHoweverTheBatchIsCut() {
        try (Bench bench = new Bench(new TinyModel(engine).withHead(1, 0, 1, 0).withBias(0, 1), DEFAULTS, ANIMALS)) {
            double dog = 1 / (1 + Math.exp(-1));
            List<Sample> three =
                    List.of(bench.sample(4, "3", "dog"), bench.sample(5, "3 4", "dog"), bench.sample(6, "5", "cat"));

            Stepper.Result result = bench.stepper.gradients(bench.session, three, 0);
            double expected = (-2 * Math.log(dog) - Math.log(1 - dog)) / 3;
            assertThat(result.loss()).isCloseTo(expected, offset(1e-12));
            double[] bias = result.gradients()
                    .of(bench.parameters.all().get("score.bias"))
                    .toDoubles();
            assertThat(bias[1]).isCloseTo(dog - 2.0 / 3, offset(1e-12)); // mean of p - y
            assertThat(bias[0]).isCloseTo(-bias[1], offset(1e-12));

            List<ClassPrediction> predictions = bench.predict(three);
            assertThat(predictions).extracting(ClassPrediction::example).containsExactly(4L, 5L, 6L);
            assertThat(predictions).extracting(ClassPrediction::gold).containsExactly(1, 1, 0);
            assertThat(predictions).allSatisfy(p -> {
                assertThat(p.predicted()).isEqualTo(1);
                assertThat(p.probabilities()[1]).isCloseTo(dog, offset(1e-12));
                assertThat(p.probabilities()[0]).isCloseTo(1 - dog, offset(1e-12));
            });
        }
    }

    @Test
    void hugeLogitsGiveProbabilities() {
        try (Bench bench = new Bench(new TinyModel(engine).withHead(900, 0, -900, 0), DEFAULTS, ANIMALS)) {
            List<ClassPrediction> predictions = bench.predict(List.of(bench.sample(0, "3", "cat")));
            assertThat(predictions.get(0).probabilities()).containsExactly(1, 0);
        }
    }

    @Test
    void saysWhichExampleIsWrongAndHow() {
        try (Bench bench = new Bench(new TinyModel(engine), DEFAULTS, ANIMALS)) {
            assertThatThrownBy(() -> bench.sample(0, "3", "cow"))
                    .isInstanceOf(UserError.class)
                    .hasMessage("data.csv:18: label 'cow' was not seen in training; known labels: cat, dog");
            Example review = new Example("data.csv:18", Map.of("review", "3", "label", "cat"));
            assertThatThrownBy(() -> bench.objective.prepare(review, 0))
                    .isInstanceOf(UserError.class)
                    .hasMessage("data.csv:18: field 'text' is missing; classification needs text and label, "
                            + "the example has label, review");
        }
    }

    @Test
    void refusesATaskWithOneLabel() {
        assertThatThrownBy(() -> new Bench(new TinyModel(engine), DEFAULTS, List.of("cat")))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("classification: the training data has 1 label(s) [cat]");
    }
}
