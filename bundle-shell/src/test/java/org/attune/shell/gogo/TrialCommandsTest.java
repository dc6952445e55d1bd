package org.attune.shell.gogo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.attune.plugin.UserError;
import org.attune.shell.cli.FakeCatalogue;
import org.attune.shell.cli.FakeTrial;
import org.attune.shell.cli.Harness;
import org.attune.trial.ModelMerge;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrialCommandsTest {
    private final Harness harness = new Harness();
    private final TrialCommands commands = new TrialCommands(
            harness.trials,
            new FakeCatalogue(),
            (run, to) -> new ModelMerge.Outcome(to, 12, 3.1e-6, 8.25),
            harness.terminal,
            words -> {});

    @TempDir
    private Path folder;

    @Test
    void everyCommandIsInTheHelp() {
        for (TrialCommands.Command command : TrialCommands.Command.values()) {
            assertThat(commands.help()).contains("\n" + command.usage);
        }
    }

    @Test
    void theEnginesTimeIsShownByOperation() {
        String stats = commands.stats();

        assertThat(stats).containsPattern("cpu +float32 +2.0 KiB +4.0 KiB +0 B +77");
        assertThat(stats).containsPattern("cpu operation +calls +time +share +GFLOP/s +GB/s\n");
        assertThat(stats).containsPattern("\nlinear 384x1536 +10 +0.5 s +50.00 % +100 +0.1\n");
        assertThat(stats).containsPattern("\nunary GELU +10 +0.3 s +25.00 % +- +20\n");
        assertThat(stats).contains("\nsmall 12 ").doesNotContain("\nsmall 13 ");
        assertThat(stats).containsPattern("\n7 others +7 +0.1 s +8.75 % ");
        assertThat(stats).containsPattern("\nall +40 +1.0 s +100.00 % ");
    }

    @Test
    void whatATrialKeepsOfFrozenLayersIsShown() {
        assertThat(commands.stats()).doesNotContain("frozen layers");
        harness.trials.prepare(Path.of("x.yaml"), () -> FakeTrial.in(TrialState.RUNNING, "1", folder));
        commands.run("x.yaml");

        assertThat(commands.stats()).containsPattern("\n +1 +3.0 MiB +0 B +8,000 +12\n");
    }

    @Test
    void aTrialIsStartedHeldGoneOnWithAndStopped() {
        harness.trials.prepare(Path.of("x.yaml"), () -> FakeTrial.in(TrialState.RUNNING, "1", folder));

        assertThat(commands.run("x.yaml", "--set", "seed=1")).isEqualTo("trial 1: quick, run folder " + folder);
        assertThat(commands.trials()).containsPattern(" 1 +quick +running +120 +250 +1.2345 +310 +0:13");
        commands.pause("1");
        assertThat(commands.trials()).contains("paused");
        commands.resume("1");
        assertThat(commands.trials()).contains("running");
        commands.stop("1");
        assertThat(commands.trials()).contains("suspended");
        assertThatThrownBy(() -> commands.pause("1")).isInstanceOf(UserError.class);
        assertThatThrownBy(() -> commands.report(false, "1"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("suspended");
    }

    @Test
    void anAdapterIsSwitchedOnAndOff() {
        assertThatThrownBy(() -> commands.adapter("off", "first")).hasMessageContaining("no trial is running");
        harness.trials.prepare(folder, () -> FakeTrial.in(TrialState.RUNNING, "1", folder));
        commands.resume(folder.toString());

        assertThat(commands.adapter("off", "first")).isEqualTo("trial 1: first on"); // as this trial does nothing
        commands.adapter("on", "first", "1");
        assertThat(harness.trials.turns).containsExactly("1 first false", "1 first true");
        assertThatThrownBy(() -> commands.adapter("first")).hasMessageContaining("adapter on|off NAME [ID]");
        commands.stop("1");
        assertThatThrownBy(() -> commands.adapter("on", "first", "1")).hasMessageContaining("suspended");
        assertThat(harness.trials.turns).hasSize(2);
    }

    @Test
    void aRunningTrialIsGivenAnotherMethod() {
        harness.trials.prepare(folder, () -> FakeTrial.in(TrialState.RUNNING, "1", folder));
        commands.resume(folder.toString());

        commands.swap("1", "--adapter", "gralora", "--set", "rank=4", "--set", "targets=[query]");
        commands.swap("--drop", "--adapter", "head-only", "1");
        assertThat(harness.trials.swaps)
                .containsExactly("1 gralora {rank=4, targets=[query]} MERGED", "1 head-only {} DROPPED");
        assertThatThrownBy(() -> commands.swap("1", "gralora")).hasMessageContaining("swap ID --adapter NAME");
        assertThatThrownBy(() -> commands.swap("1", "--adapter", "lora", "--set", "rank"))
                .hasMessageContaining("expected KEY=VALUE");
        commands.stop("1");
        assertThatThrownBy(() -> commands.swap("1", "--adapter", "lora")).hasMessageContaining("suspended");
        assertThat(harness.trials.swaps).hasSize(2);
    }

    @Test
    void aSuspendedTrialGoesOnFromItsFolder() {
        harness.trials.prepare(folder, () -> FakeTrial.in(TrialState.RUNNING, "1", folder));

        assertThat(commands.resume(folder.toString())).startsWith("trial 1: quick");
        commands.stop("1");
        assertThat(commands.resume("1")).startsWith("trial 1: quick");
        assertThat(harness.trials.list()).hasSize(2);
    }

    @Test
    void aCompletedTrialHasAReport() {
        harness.trials.prepare(Path.of("x.yaml"), () -> FakeTrial.in(TrialState.COMPLETED, "1", folder));
        commands.run("x.yaml");

        assertThat(commands.report(false, "1")).startsWith("quick: accuracy 0.7640");
        assertThatThrownBy(() -> commands.stop("1")).hasMessage("trial 1 is completed already");
    }

    @Test
    void mistakesSayWhatToDo() {
        assertThatThrownBy(() -> commands.run()).isInstanceOf(UserError.class).hasMessageContaining("usage: run FILE");
        assertThatThrownBy(() -> commands.run("x.yaml", "--set"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("expected KEY=VALUE");
        assertThatThrownBy(() -> commands.stop("9"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("\"9\"");
    }

    @Test
    void mergingTellsTheLargestDifference() {
        assertThat(commands.merge("runs/a", "out")).contains("12 weights changed", "3.1e-06");
    }
}
