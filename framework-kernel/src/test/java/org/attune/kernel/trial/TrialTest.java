package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.Score;
import org.attune.evaluation.TextLikelihood;
import org.attune.kernel.fake.Fakes;
import org.attune.plugin.UserError;
import org.attune.tensor.io.TensorFile;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.TrialReport;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrialTest {
    @TempDir
    Path folder;

    private Lab lab;

    @BeforeEach
    void lab() {
        lab = new Lab(folder);
    }

    /** Its check of leases and live bytes belongs to every test. */
    @AfterEach
    void close() {
        lab.close();
    }

    @Test
    void aTrialCompletes() throws IOException {
        Trial trial = lab.complete("train.epochs", "10");
        TrialReport report = trial.report().orElseThrow();
        assertThat(report.curve()).hasSize(40);
        assertThat(report.curve().get(39)[1]).isLessThan(report.curve().get(0)[1]);
        assertThat(report.scores()).extracting(Score::name).containsExactly("right");
        assertThat(report.trainable()).isEqualTo(2 * 4 + 2 * 4 + 2);
        assertThat(report.total()).isEqualTo(12 * 4 + 3 * 16 + 4 + 18);
        assertThat(report.examples()).isEqualTo(200);
        assertThat(trial.progress().epoch()).isEqualTo(10);
        assertThat(Files.list(trial.folder()).map(p -> p.getFileName().toString()))
                .contains("spec.yaml", "provenance.json", "metrics.jsonl", "report.json", "adapter", "checkpoint");
    }

    @ParameterizedTest
    @CsvSource({"0.25, 0, 1", "0.3, 0, 2", "1, 0, 4", "2.5, 0, 10", "2.5, 7, 7", "1, 9, 4", "0, 0, 0"})
    void epochsAndMaxStepsDecideTheSteps(String epochs, String maxSteps, long steps) {
        Trial trial = lab.complete("train.epochs", epochs, "train.max_steps", maxSteps);
        assertThat(trial.progress().step()).isEqualTo(steps);
        assertThat(trial.report().orElseThrow().scores()).hasSize(1);
    }

    /** Before the first step, not after it. */
    @Test
    void aMetricOfAnotherKindThanTheTrainersPredictionsIsRefused() {
        lab.plugins.add("perplexing", new Fakes.Right() {
            @Override
            public Class<? extends Prediction> reads() {
                return TextLikelihood.class;
            }
        });
        Trial trial = Lab.ended(lab.start("evaluate.metrics", "[right, perplexing]"), TrialState.FAILED);
        assertThat(trial.failure().orElseThrow()).isInstanceOf(UserError.class);
        assertThat(trial.message())
                .isEqualTo(
                        "metric 'perplexing' reads predictions of the kind TextLikelihood, the trainer 'classes' makes "
                                + "ClassPrediction; choose other metrics in evaluate");
        assertThat(trial.progress().step()).isZero();
    }

    @Test
    void aPausedTrialHoldsItsStepAndGoesOn() {
        List<String> undisturbed = Lab.results(lab.complete().folder());
        List<TrialState> states = new ArrayList<>();
        lab.listeners.add(new TrialListener() {
            @Override
            public void changed(Trial trial, TrialState state, String message) {
                states.add(state);
            }
        });
        lab.atStep(3, Trial::pause);
        lab.when(TrialState.PAUSED, t -> {
            assertThat(t.progress().step()).isEqualTo(3);
            t.unpause();
        });
        assertThat(Lab.results(lab.complete().folder())).isEqualTo(undisturbed);
        assertThat(states)
                .containsExactly(
                        TrialState.PREPARING,
                        TrialState.RUNNING,
                        TrialState.PAUSED,
                        TrialState.RUNNING,
                        TrialState.COMPLETED);
    }

    @Test
    void aLossThatIsNotANumberStopsTheTrialAndNamesTheExamples() {
        lab.atStep(4, t -> lab.classes.loss = loss -> loss.mul(Double.NaN));
        Trial trial = Lab.ended(lab.start("train.batch", "2"), TrialState.FAILED);
        assertThat(trial.failure().orElseThrow()).isInstanceOf(UserError.class);
        assertThat(trial.message())
                .matches("step 5: the loss is NaN; examples train:\\d+, train:\\d+; last good checkpoint: step 3 in .*")
                .doesNotContain("\n");
        lab.classes.loss = loss -> loss;
        lab.listeners.clear();
        lab.resume(trial.folder());
    }

    @Test
    void earlyStoppingEndsTheTrialAndRestoresTheBest() {
        String constant = "{name: constant, warmup: 0}";
        lab.plugins.add("right", new Fakes.Right().script(0.5, 0.7, 0.7, 0.6));
        List<Long> evaluations = new ArrayList<>();
        lab.listeners.add(new TrialListener() {
            @Override
            public void evaluated(Trial trial, String split, long step, List<Score> scores) {
                evaluations.add(step);
            }
        });
        Trial stopped = lab.complete("early_stopping", "{metric: right, patience: 1}", "schedule", constant);
        assertThat(stopped.progress().step()).isEqualTo(8);
        assertThat(stopped.message()).isEqualTo("best checkpoint, of step 4, restored");
        assertThat(evaluations).containsExactly(2L, 4L, 6L, 8L, 4L);

        lab.plugins.add("right", new Fakes.Right());
        Trial short4 = lab.complete("train.max_steps", "4", "schedule", constant);
        assertThat(last(stopped)).as("the adapter is that of step 4").isEqualTo(last(short4));
        assertThat(stopped.report().orElseThrow().scores())
                .isEqualTo(short4.report().orElseThrow().scores());
    }

    /** All parameters of the adapter that a run saved. */
    private static double[] parameters(Trial trial) {
        try (TensorFile file = TensorFile.open(trial.folder().resolve("adapter/adapter_model.safetensors"))) {
            return file.names().stream()
                    .sorted()
                    .flatMapToDouble(name -> Arrays.stream(file.doubles(name)))
                    .toArray();
        }
    }

    private static List<String> losses(Trial trial) {
        return Lab.results(trial.folder()).stream()
                .filter(line -> line.contains("\"loss\""))
                .toList();
    }

    @Test
    void theAverageOfTheParametersIsSavedAndTrainingDoesNotFeelIt() {
        String constant = "{name: constant, warmup: 0}";
        double[] mean = new double[0];
        for (int steps : new int[] {8, 10}) {
            double[] parameters =
                    parameters(lab.complete("schedule", constant, "train.max_steps", String.valueOf(steps)));
            mean = mean.length == 0 ? new double[parameters.length] : mean;
            for (int i = 0; i < mean.length; i++) {
                mean[i] += parameters[i] / 2;
            }
        }
        Trial plain = lab.complete("schedule", constant);
        Trial averaged = lab.complete("schedule", constant, "average", "{name: swa, from: 0.7, every: 2}");
        assertThat(parameters(averaged)).containsExactly(mean, within(1e-6));
        assertThat(losses(averaged)).hasSize(Lab.STEPS).isEqualTo(losses(plain));
    }

    @Test
    void theBestAverageIsRestored() {
        String constant = "{name: constant, warmup: 0}";
        String ema = "{name: ema, decay: 0.6}";
        lab.plugins.add("right", new Fakes.Right().script(0.5, 0.7, 0.7, 0.6));
        Trial stopped =
                lab.complete("early_stopping", "{metric: right, patience: 1}", "schedule", constant, "average", ema);
        lab.plugins.add("right", new Fakes.Right());
        Trial short4 = lab.complete("train.max_steps", "4", "schedule", constant, "average", ema);
        assertThat(last(stopped)).as("the adapter is that of step 4").isEqualTo(last(short4));
        assertThat(last(stopped)).isNotEqualTo(last(lab.complete("train.max_steps", "4", "schedule", constant)));
        assertThat(stopped.report().orElseThrow().scores())
                .isEqualTo(short4.report().orElseThrow().scores());
    }

    private static String last(Trial trial) {
        List<String> results = Lab.results(trial.folder());
        return results.get(results.size() - 1);
    }

    @Test
    void theLastEvaluationMayBeTheBest() {
        lab.plugins.add("right", new Fakes.Right().script(0.1, 0.2, 0.3, 0.4, 0.5));
        Trial watched = lab.complete("early_stopping", "{metric: right, patience: 1}");
        assertThat(watched.message()).isEmpty();
        assertThat(watched.report().orElseThrow().scores().get(0).value()).isEqualTo(0.5);
        assertThat(last(watched)).isEqualTo(last(lab.complete()));
    }

    @Test
    void aScoreThatIsNeverDefinedEndsTheTrialWithItsLastState() {
        double nan = Double.NaN;
        lab.plugins.add("right", new Fakes.Right().script(nan, nan, nan, nan, nan));
        assertThat(lab.complete("early_stopping", "{metric: right, patience: 20}")
                        .message())
                .isEmpty();
    }

    @Test
    void listenersThatFailAreHarmless() {
        lab.listeners.add(new TrialListener() {
            @Override
            public void step(Trial trial, Progress progress) {
                throw new IllegalStateException("a listener of this test fails");
            }

            @Override
            public void changed(Trial trial, TrialState state, String message) {
                throw new NoClassDefFoundError("a listener whose bundle was stopped");
            }
        });
        lab.complete();
    }

    @Test
    void anEngineThatLeavesSuspendsItsTrials() {
        lab.atStep(3, Trial::pause);
        lab.when(TrialState.PAUSED, t -> {
            lab.engines.clear();
            new Thread(() -> {
                        try {
                            lab.trials.engineLeaves(lab.engine);
                        } catch (InterruptedException e) {
                            throw new AssertionError(e);
                        }
                    })
                    .start();
        });
        Trial trial = Lab.ended(lab.start(), TrialState.SUSPENDED);
        assertThat(trial.message()).isEqualTo("engine 'reference' went away; checkpoint at step 3 of 10");
        assertThatThrownBy(() -> lab.trials.resume(trial.folder(), true))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("engine 'reference' is not there");
    }

    @Test
    void stopAllSuspendsAndWaits() throws InterruptedException {
        lab.atStep(3, Trial::pause);
        Trial trial = lab.start();
        lab.trials.stopAll();
        assertThat(trial.state()).isEqualTo(TrialState.SUSPENDED);
    }

    @Test
    void aTrialThatHasEndedKeepsNoCodeAndNoModel() {
        List<WeakReference<Object>> objects = new ArrayList<>();
        lab.classes.onOpen = o -> objects.add(new WeakReference<>(o));
        Trial trial = lab.complete();
        objects.add(new WeakReference<>(lab.models.remove(0)));
        lab.pool.close();
        for (int i = 0; i < 100 && objects.stream().anyMatch(o -> o.get() != null); i++) {
            System.gc();
        }
        assertThat(objects).hasSize(2).allMatch(o -> o.get() == null);
        assertThat(lab.trials.find(trial.id())).contains(trial);
    }

    @Test
    void trialsShareOneModel() {
        lab.complete();
        lab.complete();
        assertThat(lab.models).hasSize(1);
        assertThat(lab.pool.list())
                .singleElement()
                .satisfies(m -> assertThat(m.users()).isZero());
    }

    // ---- mistakes ----

    private void fails(String message, String... overrides) {
        Trial trial = Lab.ended(lab.start(overrides), TrialState.FAILED);
        assertThat(trial.failure().orElseThrow()).isInstanceOf(UserError.class);
        assertThat(trial.message()).contains(message).doesNotContain("\n");
    }

    @Test
    void dataThatCannotBeUsedIsRefusedWithTheExampleNamed() {
        fails("split 'test' has no examples", "data", "{name: numbers, test: 0}");
        fails("split 'train' has no examples", "data", "{name: numbers, train: 0}");
        fails("the data has no split 'dev'; it has [train, test]", "evaluate.split", "dev");
        lab.numbers.first = Map.of("train", "1 2 3 4 5 6 7=plain");
        fails("train:1: 7 tokens, the model takes at most 6");
        lab.numbers.first = Map.of("test", "=plain");
        fails("test:1: the text is empty");
        lab.numbers.first = Map.of("test", "1=buzz");
        fails("test:1: label 'buzz' is unknown");
    }

    @Test
    void aScoreThatNoMetricGivesIsNamed() {
        fails("no score 'f1'; the evaluation gives [right]", "early_stopping", "{metric: f1}");
    }

    @Test
    void aSampleThatIsNotThereIsTheSamplersFault() {
        lab.plugins.add("shuffle", new Fakes.Shuffle(i -> i + 1));
        assertThat(Lab.ended(lab.start(), TrialState.FAILED).message())
                .contains("sampler 'shuffle' chose example 20; there are those from 0 to 19");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "evaluate.split| ''| early_stopping| {metric: right}| early_stopping needs examples to evaluate",
                "evaluate.split| ''| seed| 1| evaluate.every needs examples to evaluate",
                "evaluate.every| 0| early_stopping| {metric: right}| early_stopping needs evaluations while training",
                "evaluate.metrics| []| early_stopping| {metric: right}| evaluate.metrics is empty",
                "evaluate.every| 0| schedule| {name: plateau, metric: right}| schedule: plateau needs evaluations while",
                "adapters| [scales]| seed| 1| no adapter 'scales' is installed",
                "engine| cuda| seed| 1| engine 'cuda' is not there",
            })
    void aSpecThatCannotBeDoneIsRefusedBeforeThereIsARunFolder(
            String key, String value, String other, String otherValue, String message) {
        String written = value.isEmpty() ? "''" : value;
        assertThatThrownBy(() -> lab.start(key, written, other, otherValue))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(message);
        assertThat(folder.resolve("runs")).doesNotExist();
    }

    @Test
    void withoutMetricsATrialStillRuns() {
        assertThat(lab.complete("evaluate.metrics", "[]").report().orElseThrow().scores())
                .isEmpty();
        assertThat(lab.complete("evaluate.split", "''", "evaluate.every", "0")
                        .report()
                        .orElseThrow()
                        .scores())
                .isEmpty();
    }
}
