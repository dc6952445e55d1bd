package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.attune.evaluation.Score;
import org.attune.kernel.fake.Fakes;
import org.attune.kernel.fake.Scale;
import org.attune.plugin.UserError;
import org.attune.training.Adapter;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Trials that are stopped or killed, and go on: they end as if nothing had been. */
class ResumeTest {
    private static final String[] WATCHED = {
        "early_stopping", "{metric: right, patience: 20}", "average", "{name: ema, decay: 0.7}"
    };

    @TempDir
    Path folder;

    private Lab lab;

    @BeforeEach
    void lab() {
        lab = new Lab(folder);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 3, 4, 6, 9})
    void stoppedAfterAStep(long step) {
        List<String> undisturbed = Lab.results(lab.complete(WATCHED).folder());
        lab.atStep(step, Trial::stop);
        Trial stopped = Lab.ended(lab.start(WATCHED), TrialState.SUSPENDED);
        assertThat(stopped.message()).isEqualTo("stopped; checkpoint at step " + step + " of " + Lab.STEPS);
        Trial resumed = lab.resume(stopped.folder());
        assertThat(Lab.results(resumed.folder())).isEqualTo(undisturbed);
        assertThat(resumed.report().orElseThrow().curve()).hasSize(Lab.STEPS);
    }

    @Test
    void endedBeforeTheFirstCheckpoint() throws IOException {
        List<String> undisturbed = Lab.results(lab.complete(WATCHED).folder());
        lab.atStep(1, Trial::stop);
        Trial stopped = Lab.ended(lab.start(WATCHED), TrialState.SUSPENDED);
        try (Stream<Path> files = Files.list(stopped.folder().resolve("checkpoint"))) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        assertThat(Lab.results(lab.resume(stopped.folder()).folder())).isEqualTo(undisturbed);
    }

    @ParameterizedTest
    @ValueSource(longs = {4, 6, 10})
    void stoppedInTheMiddleOfAnEvaluation(long step) {
        List<String> undisturbed = Lab.results(lab.complete(WATCHED).folder());
        TrialListener stopper = new TrialListener() {
            @Override
            public void evaluating(Trial trial, String split, long done, long total) {
                if (trial.progress().step() == step) {
                    trial.stop();
                }
            }
        };
        lab.listeners.add(stopper);
        Trial stopped = Lab.ended(lab.start(WATCHED), TrialState.SUSPENDED);
        lab.listeners.clear();
        assertThat(Lab.results(lab.resume(stopped.folder()).folder())).isEqualTo(undisturbed);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 3, 5, 8})
    void killedAfterAStep(long step) {
        AtomicReference<Path> left = new AtomicReference<>();
        lab.atStep(step, t -> left.set(lab.killed(t)));
        List<String> undisturbed = Lab.results(lab.complete(WATCHED).folder());
        assertThat(Lab.results(lab.resume(left.get()).folder())).isEqualTo(undisturbed);
    }

    /** The last checkpoint is of the last step, and lines of the same step came after it. */
    @Test
    void killedAfterTheLastEvaluation() {
        AtomicReference<Path> left = new AtomicReference<>();
        lab.listeners.add(new TrialListener() {
            @Override
            public void evaluated(Trial trial, String split, long step, List<Score> scores) {
                if (step == Lab.STEPS && left.get() == null) {
                    left.set(lab.killed(trial));
                }
            }
        });
        List<String> undisturbed = Lab.results(lab.complete().folder());
        assertThat(Lab.results(lab.resume(left.get()).folder())).isEqualTo(undisturbed);
    }

    @Test
    void stoppedWhilePaused() {
        List<String> undisturbed = Lab.results(lab.complete().folder());
        lab.atStep(2, Trial::pause);
        lab.when(TrialState.PAUSED, Trial::stop);
        Trial stopped = Lab.ended(lab.start(), TrialState.SUSPENDED);
        lab.listeners.clear();
        assertThat(Lab.results(lab.resume(stopped.folder()).folder())).isEqualTo(undisturbed);
    }

    /** In both halves of the run the score stays as it was. */
    @Test
    void theLearningRateThatAScoreHasLoweredStaysLow() throws IOException {
        String[] overrides = {"schedule", "{name: plateau, warmup: 0, metric: right, patience: 0, factor: 0.5}"};
        lab.plugins.add("right", new Fakes.Right().script(0.5, 0.5, 0.5, 0.5, 0.5, 0.5));
        Trial undisturbed = lab.complete(overrides);
        List<Double> rates = new ArrayList<>();
        for (String line : Files.readAllLines(undisturbed.folder().resolve("metrics.jsonl"))) {
            JsonNode json = new ObjectMapper().readTree(line);
            if (json.has("lr")) {
                rates.add(json.get("lr").asDouble() / 0.05);
            }
        }
        assertThat(rates).startsWith(1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25);

        lab.plugins.add("right", new Fakes.Right().script(0.5, 0.5, 0.5, 0.5, 0.5, 0.5));
        lab.atStep(7, Trial::stop);
        Trial stopped = Lab.ended(lab.start(overrides), TrialState.SUSPENDED);
        assertThat(Lab.results(lab.resume(stopped.folder()).folder())).isEqualTo(Lab.results(undisturbed.folder()));
    }

    @Test
    void stoppedWhileItPrepares() {
        lab.numbers.onOpen = () -> lab.trials.list().get(0).stop();
        Trial stopped = Lab.ended(lab.start(), TrialState.SUSPENDED);
        assertThat(stopped.progress().step()).isZero();
        lab.numbers.onOpen = () -> {};
        lab.resume(stopped.folder());
    }

    @Test
    void theBestCheckpointOfAnEarlierSittingIsRestored() {
        String[] overrides = {
            "early_stopping", "{metric: right, patience: 20}", "schedule", "{name: constant, warmup: 0}"
        };
        lab.plugins.add("right", new Fakes.Right().script(0.1, 0.9, 0.2, 0.3, 0.4));
        Trial undisturbed = lab.complete(overrides);
        assertThat(undisturbed.message()).isEqualTo("best checkpoint, of step 4, restored");

        lab.plugins.add("right", new Fakes.Right().script(0.1, 0.9, 0.2, 0.3, 0.4));
        lab.atStep(7, Trial::stop);
        Trial stopped = Lab.ended(lab.start(overrides), TrialState.SUSPENDED);
        Trial resumed = lab.resume(stopped.folder());
        assertThat(resumed.message()).isEqualTo("best checkpoint, of step 4, restored");
        assertThat(Lab.results(resumed.folder())).isEqualTo(Lab.results(undisturbed.folder()));
    }

    @Test
    void dataThatHasChangedIsRefused() {
        lab.atStep(2, Trial::stop);
        Trial stopped = Lab.ended(lab.start(), TrialState.SUSPENDED);
        lab.numbers.fingerprint = "others";
        assertThat(Lab.ended(lab.trials.resume(stopped.folder(), true), TrialState.FAILED)
                        .message())
                .contains("the data changed since this run began (fingerprint numbers, now others)");
    }

    @Test
    void aParameterThatNobodyAsksForAnyMoreIsNamed() {
        lab.atStep(2, Trial::stop);
        Trial stopped = Lab.ended(lab.start(), TrialState.SUSPENDED);
        lab.plugins.add("scale", new Scaleless());
        assertThat(Lab.ended(lab.trials.resume(stopped.folder(), true), TrialState.FAILED)
                        .message())
                .contains("no plug-in asks for any more: tiny.layer.0.query.scale, tiny.layer.1.query.scale");
    }

    private static final class Scaleless implements Adapter<Scale.Options> {
        @Override
        public Class<Scale.Options> options() {
            return Scale.Options.class;
        }

        @Override
        public void attach(Scale.Options options, Attachment on) {}
    }

    @Test
    void aRunInProgressOrCompleteIsRefused() {
        AtomicReference<Trial> second = new AtomicReference<>();
        lab.atStep(2, t -> {
            lab.listeners.clear();
            second.set(lab.trials.resume(t.folder(), true));
            Lab.ended(second.get(), TrialState.FAILED);
        });
        Trial trial = lab.complete();
        assertThat(second.get().message()).contains("this run is in progress");
        assertThat(trial.progress().step()).isEqualTo(Lab.STEPS);
        assertThatThrownBy(() -> lab.trials.resume(trial.folder(), true))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("this run is complete");
    }
}
