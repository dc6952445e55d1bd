package org.attune.trainers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.attune.data.Example;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.TextLikelihood;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.plugin.UserError;
import org.attune.tensor.Rng;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MaskedLmTest {
    private static final int MASK = 0;
    private static final int DRAWS = 20_000;

    private final ReferenceEngine engine = new ReferenceEngine();
    private final TinyModel model = new TinyModel(engine);
    private final ParameterStore parameters = new ParameterStore(engine, model, 1);
    private final Workers workers = new Workers(2, "test");
    private final Stepper stepper = new Stepper(engine, model, parameters, workers, new StepSettings(2, 4, 1));

    @AfterEach
    void close() {
        stepper.close();
        workers.close();
        parameters.close();
        model.close();
    }

    private Trainer.Objective open(double probability, boolean wholeWord) {
        return new MaskedLm()
                .open(
                        new MaskedLmOptions(6, probability, wholeWord),
                        new TrainerSetup(parameters.claim(Optional.empty()), model.withLanguageHead(), List.of()));
    }

    private static Sample prepared(Trainer.Objective objective, String text) {
        return objective.prepare(new Example("a.txt:1", Map.of("text", text)), 3);
    }

    /** Of 20,000 tokens the shares differ by less than 0.02, five times their standard deviation. */
    @Test
    void maskedReplacedAndKeptTokensHaveTheirShares() {
        Trainer.Objective objective = open(0.25, false);
        Sample sample = prepared(objective, "5 7 5 7");
        int predicted = 0;
        int masked = 0;
        int kept = 0;
        for (int draw = 0; draw < DRAWS / 4; draw++) {
            Sample varied = objective.vary(sample, Rng.of(1).at(draw));
            assertThat(varied.labels()[0]).as("a special token").isEqualTo(-100);
            assertThat(varied.labels()[5]).as("a special token").isEqualTo(-100);
            for (int i = 1; i < 5; i++) {
                int original = sample.ids()[i];
                if (varied.labels()[i] == -100) {
                    assertThat(varied.ids()[i]).isEqualTo(original);
                } else {
                    assertThat(varied.labels()[i]).isEqualTo(original);
                    predicted++;
                    masked += varied.ids()[i] == MASK ? 1 : 0;
                    kept += varied.ids()[i] == original ? 1 : 0;
                }
            }
        }
        assertThat((double) predicted / DRAWS).isCloseTo(0.25, within(0.02));
        // A random one of ten tokens is the mask itself, or the original, in a tenth of the cases.
        assertThat((double) masked / predicted).isCloseTo(0.81, within(0.03));
        assertThat((double) kept / predicted).isCloseTo(0.11, within(0.03));
    }

    @Test
    void masksFollowFromTheRandomNumbersAlone() {
        Trainer.Objective objective = open(0.5, false);
        Sample sample = prepared(objective, "5 7 8 9");
        Rng epoch = Rng.of(4).at(1);
        assertThat(objective.varies()).isTrue();
        assertThat(objective.vary(sample, epoch).labels())
                .containsExactly(objective.vary(sample, epoch).labels());
        long distinct = IntStream.range(0, 20)
                .mapToObj(i ->
                        Arrays.toString(objective.vary(sample, Rng.of(4).at(i)).labels()))
                .distinct()
                .count();
        assertThat(distinct).isGreaterThan(5);
    }

    @Test
    void aWordIsChosenAsAWhole() {
        Trainer.Objective objective = open(0.5, true);
        Sample sample = prepared(objective, "5 7 8 9");
        assertThat(sample.labels()).containsExactly(-1, 0, 0, 1, 1, -1);
        for (int draw = 0; draw < 50; draw++) {
            int[] labels = objective.vary(sample, Rng.of(2).at(draw)).labels();
            assertThat(labels[1] == -100).isEqualTo(labels[2] == -100);
            assertThat(labels[3] == -100).isEqualTo(labels[4] == -100);
        }
    }

    /** Logits of the model at token i are 0.1 i j + a constant for each id j. */
    private static double nats(int seen, int predicted) {
        double z = 0;
        for (int j = 0; j < 10; j++) {
            z += Math.exp(0.1 * seen * j);
        }
        return Math.log(z) - 0.1 * seen * predicted;
    }

    @Test
    void theLossIsTheMeanOverPredictedTokensAtTheirOwnPlaces() {
        Trainer.Objective objective = open(0.15, false);
        parameters.claim(Optional.empty()).train("embeddings.weight");
        Session session = new Session(objective, new Wiring(model), List.of());
        Sample first = new Sample(0, new int[] {1, 0, 7, 2}, new int[4], new int[] {-100, 5, -100, -100});
        Sample second = new Sample(1, new int[] {1, 8, 3, 2}, new int[4], new int[] {-100, 8, 4, -100});
        Sample nothing = new Sample(2, new int[] {1, 2}, new int[2], new int[] {-100, -100});
        double sum = nats(0, 5) + nats(8, 8) + nats(3, 4);
        List<Sample> samples = List.of(first, second, nothing);
        assertThat(stepper.gradients(session, samples, 0).loss()).isCloseTo(sum / 3, within(1e-12));
        List<Prediction> predictions = stepper.predict(session, samples);
        assertThat(predictions.get(1)).isInstanceOfSatisfying(TextLikelihood.class, text -> {
            assertThat(text.logLikelihood()).isCloseTo(-nats(8, 8) - nats(3, 4), within(1e-12));
            assertThat(text.tokens()).isEqualTo(2);
        });
    }

    @Test
    void saysWhatIsMissing() {
        assertThatThrownBy(() -> new MaskedLm()
                        .open(
                                new MaskedLmOptions(6, 0.15, false),
                                new TrainerSetup(parameters.claim(Optional.empty()), model, List.of())))
                .isInstanceOf(UserError.class)
                .hasMessage(
                        "masked-lm: the model, a tiny, has no head for masked tokens; an encoder that was pretrained"
                                + " with one is needed");
        assertThatThrownBy(() -> open(0, false))
                .isInstanceOf(UserError.class)
                .hasMessage("masked-lm: probability is 0; it must be above, or there is nothing to predict");
    }
}
