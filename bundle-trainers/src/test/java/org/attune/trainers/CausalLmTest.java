package org.attune.trainers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.data.Example;
import org.attune.evaluation.CompletionMatch;
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
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CausalLmTest {
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

    private Trainer.Objective open(int maxLength) {
        return open(new CausalLmOptions(maxLength, 0, "", "", ""));
    }

    private Trainer.Objective open(CausalLmOptions options) {
        return new CausalLm()
                .open(
                        options,
                        new TrainerSetup(parameters.claim(Optional.empty()), model.withLanguageHead(), List.of()));
    }

    private static Sample sample(Trainer.Objective objective, long index, String text) {
        return objective.prepare(new Example("a.txt:1", Map.of("text", text)), index);
    }

    /** Logits of the model after token i are 0.1 i j + a constant for each id j. */
    private static double nats(int... ids) {
        double sum = 0;
        for (int t = 1; t < ids.length; t++) {
            double z = 0;
            for (int j = 0; j < 10; j++) {
                z += Math.exp(0.1 * ids[t - 1] * j);
            }
            sum += Math.log(z) - 0.1 * ids[t - 1] * ids[t];
        }
        return sum;
    }

    @Test
    void everyTokenButTheFirstIsPredictedFromTheOneBefore() {
        Trainer.Objective objective = open(6);
        Sample sample = sample(objective, 3, "5 7 9 4 8 8");
        assertThat(sample.ids()).as("cut to max_length").containsExactly(1, 5, 7, 9, 4, 2);
        assertThat(objective.weight(sample)).isEqualTo(5);
        assertThat(parameters.all()).as("the head is the model's").isEmpty();
    }

    @Test
    void theLossOfAStepIsTheMeanOverPredictedTokens() {
        Trainer.Objective objective = open(6);
        parameters.claim(Optional.empty()).train("embeddings.weight");
        Session session = new Session(objective, new Wiring(model), List.of());
        List<Sample> samples =
                List.of(sample(objective, 0, "5 7"), sample(objective, 1, "3"), sample(objective, 2, "9 9 4 3"));
        double mean = (nats(1, 5, 7, 2) + nats(1, 3, 2) + nats(1, 9, 9, 4, 3, 2)) / (3 + 2 + 5);
        assertThat(stepper.gradients(session, samples, 0).loss()).isCloseTo(mean, within(1e-12));
    }

    /** As in a prompt that is given, not learnt. */
    @Test
    void tokensLabelledMinus100AreSeenAndNotPredicted() {
        Trainer.Objective objective = open(6);
        int[] ids = {1, 5, 7, 9};
        Sample masked = new Sample(0, ids, new int[4], new int[] {-100, -100, 7, -100});
        Sample nothing = new Sample(1, ids, new int[4], new int[] {1, -100, -100, -100});
        assertThat(objective.weight(masked)).isEqualTo(1);
        assertThat(objective.weight(nothing)).isZero();
        Session session = new Session(objective, new Wiring(model), List.of());
        parameters.claim(Optional.empty()).train("embeddings.weight");
        assertThat(stepper.gradients(session, List.of(masked, nothing), 0).loss())
                .isCloseTo(nats(5, 7), within(1e-12));
        assertThat(stepper.gradients(session, List.of(nothing), 0).loss()).isZero();
    }

    @Test
    void aPredictionIsHowLikelyTheTextIs() {
        Trainer.Objective objective = open(6);
        Session session = new Session(objective, new Wiring(model), List.of());
        List<Prediction> predictions =
                stepper.predict(session, List.of(sample(objective, 8, "5 7"), sample(objective, 9, "3 3 3 3")));
        assertThat(objective.predicts()).isEqualTo(TextLikelihood.class);
        assertThat(predictions).hasSize(2).allSatisfy(p -> assertThat(p).isInstanceOf(TextLikelihood.class));
        TextLikelihood first = (TextLikelihood) predictions.get(0);
        TextLikelihood second = (TextLikelihood) predictions.get(1);
        assertThat(first.example()).isEqualTo(8);
        assertThat(first.logLikelihood()).isCloseTo(-nats(1, 5, 7, 2), within(1e-12));
        assertThat(first.tokens()).isEqualTo(3);
        assertThat(first.bytes()).as("of '5 7'").isEqualTo(3);
        assertThat(second.logLikelihood()).isCloseTo(-nats(1, 3, 3, 3, 3, 2), within(1e-12));
    }

    @Test
    void saysWhatIsMissing() {
        assertThatThrownBy(() -> new CausalLm()
                        .open(
                                new CausalLmOptions(6, 0, "", "", ""),
                                new TrainerSetup(parameters.claim(Optional.empty()), model, List.of())))
                .isInstanceOf(UserError.class)
                .hasMessage(
                        "causal-lm: the model, a tiny, has no head over its vocabulary; a language model is needed");
        Example review = new Example("data.csv:18", Map.of("review", "3", "label", "cat"));
        assertThatThrownBy(() -> open(6).prepare(review, 0))
                .isInstanceOf(UserError.class)
                .hasMessage("data.csv:18: field 'text' is missing; causal-lm needs it, the example has label, review");
    }

    /** Text of 10 tokens in windows of 6, one every 3: each predicts what those before it did not. */
    @Test
    void windowsOverlapAndPredictEachTokenOnce() {
        Trainer.Objective objective = open(new CausalLmOptions(6, 3, "", "", ""));
        List<Sample> windows =
                objective.prepareForEvaluation(new Example("a.txt:1", Map.of("text", "3 4 5 6 7 8 9 3")), 7);
        assertThat(windows)
                .extracting(Sample::ids)
                .containsExactly(new int[] {1, 3, 4, 5, 6, 7}, new int[] {5, 6, 7, 8, 9, 3}, new int[] {8, 9, 3, 2});
        assertThat(windows)
                .extracting(Sample::labels)
                .containsExactly(new int[] {1, 3, 4, 5, 6, 7}, new int[] {-100, -100, -100, 8, 9, 3}, new int[] {
                    -100, -100, -100, 2
                });
        assertThat(objective.prepareForEvaluation(new Example("a.txt:2", Map.of("text", "3 4")), 8))
                .singleElement()
                .satisfies(whole -> assertThat(whole.labels()).containsExactly(1, 3, 4, 2));
    }

    @Test
    void theEndIsPutAfterEachText() {
        Sample sample = sample(open(new CausalLmOptions(6, 0, " 9", "", "")), 0, "5 7");
        assertThat(sample.ids()).containsExactly(1, 5, 7, 9, 2);
    }

    @Test
    void windowsThatLeaveTextOutAreRefused() {
        assertThatThrownBy(() -> open(new CausalLmOptions(5, 6, "", "", "")))
                .isInstanceOf(UserError.class)
                .hasMessage("causal-lm: stride is 6, expected at most max_length, 5: text between windows would be left"
                        + " out");
    }

    private Trainer.Objective completing(String prompt, String completion) {
        return open(new CausalLmOptions(6, 0, " 9", prompt, completion));
    }

    private static Example labelled(String text, String label) {
        return new Example("a.txt:1", Map.of("text", text, "label", label));
    }

    @Test
    void ofAPromptNothingIsLearnt() {
        Sample sample = completing("{text} 4", " {label}").prepare(labelled("7", "3 5"), 2);
        assertThat(sample.ids())
                .as("7 4, between special tokens, cut at its beginning; 3 5 9")
                .containsExactly(7, 4, 2, 3, 5, 9);
        assertThat(sample.labels()).containsExactly(-100, -100, -100, 3, 5, 9);
        assertThat(sample.example()).isEqualTo(2);
    }

    @Test
    void aPromptAndItsCompletionNeedRoomAndFields() {
        Trainer.Objective objective = completing("{text}", "{label}");
        assertThatThrownBy(() -> objective.prepare(labelled("7", "3 5 3 5 3"), 0))
                .isInstanceOf(UserError.class)
                .hasMessage(
                        "a.txt:1: the prompt has 3 tokens and the completion 6, expected 1 or more of each, at most 6"
                                + " together (max_length)");
        assertThatThrownBy(() -> objective.prepare(new Example("a.txt:2", Map.of("text", "7", "intent", "3")), 0))
                .isInstanceOf(UserError.class)
                .hasMessage(
                        "a.txt:2: field 'label' is missing; the trainer's template asks for it, the example has intent,"
                                + " text");
    }

    /** Of this model's tokens 9 is the likeliest after any but 0, after which all are equally likely. */
    @Test
    void aCompletionMatchesWhereEachOfItsTokensIsTheLikeliest() {
        Trainer.Objective objective = completing("{text}", "{label}");
        Session session = new Session(objective, new Wiring(model), List.of());
        List<Prediction> predictions = stepper.predict(
                session,
                List.of(
                        objective.prepare(labelled("7", "9 9"), 3),
                        objective.prepare(labelled("7", "9 8"), 4),
                        objective.prepare(labelled("7", "8 9"), 5)));
        assertThat(objective.predicts()).isEqualTo(CompletionMatch.class);
        assertThat(predictions)
                .containsExactly(
                        new CompletionMatch(3, 3, 3), new CompletionMatch(4, 3, 2), new CompletionMatch(5, 3, 2));
        assertThat(predictions).extracting(p -> ((CompletionMatch) p).exact()).containsExactly(true, false, false);
    }

    @Test
    void theLossOfAStepIsTheMeanOverTokensOfCompletions() {
        Trainer.Objective objective = completing("{text}", "{label}");
        parameters.claim(Optional.empty()).train("embeddings.weight");
        Session session = new Session(objective, new Wiring(model), List.of());
        List<Sample> samples =
                List.of(objective.prepare(labelled("7", "3"), 0), objective.prepare(labelled("7", "3 5"), 1));
        double mean = (nats(2, 3, 9) + nats(2, 3, 5, 9)) / (2 + 3);
        assertThat(stepper.gradients(session, samples, 0).loss()).isCloseTo(mean, within(1e-12));
    }

    @Test
    void aPromptWithoutACompletionIsRefused() {
        assertThatThrownBy(() -> completing("{text}", ""))
                .isInstanceOf(UserError.class)
                .hasMessage("causal-lm: prompt and completion belong together, but completion is empty");
        assertThatThrownBy(() -> completing("", "{label}"))
                .isInstanceOf(UserError.class)
                .hasMessage("causal-lm: prompt and completion belong together, but prompt is empty");
        assertThatThrownBy(() -> open(new CausalLmOptions(6, 3, "", "{text}", "{label}")))
                .isInstanceOf(UserError.class)
                .hasMessage("causal-lm: stride is for long text, and completions are whole; leave stride out");
    }
}
