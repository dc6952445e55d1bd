package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Trials in float16 whose gradients overflow: a loss of 100 times its size takes gradients beyond 65504 at a scale of 2^16. */
class LossScalingTrialTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String[] HALF = {"precision", "float16", "train.clip", "0", "regularizers", "[]"};

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

    private void overflowAfter(long step) {
        lab.atStep(step, t -> lab.classes.loss = loss -> loss.mul(100));
        lab.atStep(step + 1, t -> lab.classes.loss = loss -> loss);
    }

    private static List<JsonNode> steps(Path run) throws IOException {
        List<JsonNode> steps = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            JsonNode json = JSON.readTree(line);
            if (json.has("loss")) {
                steps.add(json);
            }
        }
        return steps;
    }

    @Test
    void anOverflowSkipsTheStepAndHalvesTheScale() throws IOException {
        overflowAfter(3);
        Trial trial = lab.complete(HALF);
        List<JsonNode> steps = steps(trial.folder());
        assertThat(steps).hasSize(Lab.STEPS);
        for (int i = 0; i < Lab.STEPS; i++) {
            JsonNode line = steps.get(i);
            assertThat(line.path("skipped").asBoolean()).as("step %d", i + 1).isEqualTo(i == 3);
            assertThat(line.path("grad_norm").isNull()).isEqualTo(i == 3);
            assertThat(line.path("loss_scale").asDouble()).isEqualTo(i <= 3 ? 65536 : 32768);
        }
        assertThat(trial.report().orElseThrow().skippedSteps()).isEqualTo(1);
    }

    /** With a constant rate and no decay: what the skipped step's examples would have changed is missing, and nothing else. */
    @Test
    void aSkippedStepLeavesNoTrace() {
        String[] constant = {"precision", "float16", "train.max_steps", "3", "schedule", "{name: constant, warmup: 0}"};
        String[] longer = constant.clone();
        longer[3] = "4";
        String three = last(lab.complete(constant));
        overflowAfter(3);
        assertThat(last(lab.complete(longer))).isEqualTo(three);
    }

    private static String last(Trial trial) {
        List<String> results = Lab.results(trial.folder());
        return results.get(results.size() - 1);
    }

    @Test
    void theScaleIsPartOfACheckpoint() {
        overflowAfter(3);
        List<String> undisturbed = Lab.results(lab.complete(HALF).folder());
        lab.listeners.clear();
        overflowAfter(3);
        lab.atStep(5, Trial::stop);
        Path run = Lab.ended(lab.start(HALF), TrialState.SUSPENDED).folder();
        Trial resumed = lab.resume(run);
        assertThat(Lab.results(run)).isEqualTo(undisturbed);
        assertThat(resumed.report().orElseThrow().skippedSteps()).isEqualTo(1);
    }

    @Test
    void aLossThatIsNotFiniteStopsTheTrialStill() {
        lab.atStep(4, t -> lab.classes.loss = loss -> loss.mul(Double.NaN));
        Trial trial = Lab.ended(lab.start(HALF), TrialState.FAILED);
        assertThat(trial.message()).startsWith("step 5: the loss is NaN");
    }

    @Test
    void gradientsThatOverflowAtAnyScaleStopTheTrial() {
        lab.classes.loss = loss -> loss.mul(1e9);
        Trial trial = Lab.ended(lab.start("precision", "float16", "train.epochs", "20"), TrialState.FAILED);
        assertThat(trial.message()).startsWith("step 17: the gradient norm is ");
    }

    @Test
    void otherTypesHaveNone() throws IOException {
        Trial trial = lab.complete("precision", "bfloat16");
        assertThat(steps(trial.folder())).noneMatch(line -> line.has("loss_scale"));
    }
}
