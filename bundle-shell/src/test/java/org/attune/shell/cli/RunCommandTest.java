package org.attune.shell.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.attune.plugin.UserError;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunCommandTest {
    private final Harness harness = new Harness();

    @TempDir
    private Path folder;

    private Path spec(String name, FakeTrial trial) throws IOException {
        Path spec = Files.writeString(folder.resolve(name), "");
        harness.trials.prepare(spec, () -> trial);
        return spec;
    }

    @Test
    void aCompletedTrialShowsItsReportOnStandardOutput() throws IOException {
        Path spec = spec("good.yaml", FakeTrial.in(TrialState.COMPLETED, "1", folder));

        assertThat(harness.attune("run", spec)).isZero();
        assertThat(harness.out()).startsWith("quick: accuracy 0.7640").contains("62.5 s", folder.toString());
        assertThat(harness.err()).isEmpty();
    }

    @Test
    void aProfileIsPrintedBelowTheReport() throws IOException {
        Path spec = spec("good.yaml", FakeTrial.in(TrialState.COMPLETED, "1", folder));
        Files.writeString(folder.resolve("profile.txt"), "operation calls\n");

        assertThat(harness.attune("run", spec, "--profile")).isZero();
        assertThat(harness.trials.profiles).containsExactly(true);
        assertThat(harness.out())
                .startsWith("quick: accuracy 0.7640")
                .contains("operation calls\n", folder.resolve("profile.json").toString());
    }

    @Test
    void aMissingSpecIsTheUsersMistakeInOneLine() {
        assertThat(harness.attune("run", "nowhere.yaml")).isEqualTo(2);
        assertThat(harness.err()).isEqualTo("attune: nowhere.yaml: no such file\n");
        assertThat(harness.out()).isEmpty();
    }

    @Test
    void aTrialThatEndsByAUsersMistakeGivesTwo() throws IOException {
        Path spec = spec("bad.yaml", FakeTrial.failed(folder, new UserError("data.jsonl:17: not an object\nat all")));

        assertThat(harness.attune("run", spec)).isEqualTo(2);
        assertThat(harness.err()).isEqualTo("attune: quick: data.jsonl:17: not an object at all\n");
    }

    @Test
    void aFaultGivesOneAndItsStackTraceGoesToTheRunFolder() throws IOException {
        Path spec = spec("fault.yaml", FakeTrial.failed(folder, new IllegalStateException("broken")));

        assertThat(harness.attune("run", spec)).isEqualTo(1);
        Path log = folder.resolve("attune-fault.log");
        assertThat(harness.err()).hasLineCount(1).startsWith("attune: quick: ").contains("broken", log.toString());
        assertThat(log).content().contains("IllegalStateException: broken", "\tat ");
    }

    @Test
    void aTrialSuspendedWithoutASignalGivesThreeAndSaysHowToGoOn() throws IOException {
        Path spec = spec(
                "gone.yaml",
                new FakeTrial("1", "quick", folder, TrialState.SUSPENDED, "adapter 'lora' went away", null));

        assertThat(harness.attune("run", spec)).isEqualTo(3);
        assertThat(harness.err())
                .hasLineCount(1)
                .contains("step 120 of 250 (adapter 'lora' went away)", "./attune resume " + folder);
    }

    @Test
    void oneBadSpecDoesNotStopTheOthersAndTheSummarySaysWhich() throws IOException {
        spec("a.yaml", FakeTrial.in(TrialState.COMPLETED, "1", folder));
        spec("b.yml", FakeTrial.failed(folder, new UserError("rank 0")));
        spec("c.yaml", FakeTrial.in(TrialState.COMPLETED, "3", folder));
        Files.writeString(folder.resolve("notes.txt"), "");

        assertThat(harness.attune("run", folder, "--json", "--quiet")).isEqualTo(2);

        JsonNode summary = new ObjectMapper().readTree(harness.out());
        assertThat(summary.path("exit").asInt()).isEqualTo(2);
        assertThat(summary.path("trials").findValuesAsText("state"))
                .containsExactly("COMPLETED", "FAILED", "COMPLETED");
        JsonNode first = summary.path("trials").path(0);
        assertThat(first.path("scores").path("accuracy").asDouble()).isEqualTo(0.764);
        assertThat(first.path("scores").path("f1_macro").isNull()).isTrue();
        assertThat(first.path("trainable").asLong()).isEqualTo(157_466);
        assertThat(summary.path("trials").path(1).path("message").asText()).isEqualTo("rank 0");
        assertThat(harness.err()).isEqualTo("attune: quick: rank 0\n");
    }

    @Test
    void valuesAreHandedOnAsWritten() throws IOException {
        Path spec = spec("good.yaml", FakeTrial.in(TrialState.COMPLETED, "1", folder));

        harness.attune(
                "run", "--set", "data.train=500", spec, "--set", "adapters.0.targets=[query, value]", "--set", "a=b=c");

        assertThat(harness.trials.overrides)
                .containsExactly(Map.of("data.train", "500", "adapters.0.targets", "[query, value]", "a", "b=c"));
    }

    @Test
    void aValueWithoutAKeyIsAMistake() {
        assertThat(harness.attune("run", "x.yaml", "--set", "rank")).isEqualTo(2);
        assertThat(harness.err()).hasLineCount(1).startsWith("attune: --set rank: expected KEY=VALUE");
    }

    @Test
    void aFolderWithoutSpecsIsAMistake() {
        assertThat(harness.attune("run", folder)).isEqualTo(2);
        assertThat(harness.err()).isEqualTo("attune: " + folder + ": no spec (*.yaml) in this folder\n");
    }

    @Test
    void afterASignalTheTrialIsSavedAndNothingElseIsStarted() throws IOException {
        FakeTrial running = FakeTrial.in(TrialState.RUNNING, "1", folder);
        Path first = folder.resolve("a.yaml");
        harness.trials.prepare(first, () -> running);
        Path second = spec("b.yaml", FakeTrial.in(TrialState.COMPLETED, "2", folder));
        harness.trials.start(first, Map.of(), false);

        harness.main().run();

        assertThat(running.state()).isEqualTo(TrialState.SUSPENDED);
        assertThat(harness.err()).hasLineCount(1).contains("./attune resume " + folder);
        harness.attune("run", second);
        assertThat(harness.trials.list()).hasSize(1);
    }

    @Test
    void resumeTakesRunFolders() {
        harness.trials.prepare(folder, () -> FakeTrial.in(TrialState.COMPLETED, "1", folder));

        assertThat(harness.attune("resume", folder)).isZero();
        assertThat(harness.listeners).isEmpty();
    }
}
