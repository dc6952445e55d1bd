package org.attune.shell.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.attune.evaluation.Score;
import org.attune.evaluation.Score.Direction;
import org.attune.shell.cli.FakeTrial;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.Test;

class ProgressViewTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final Trial trial = FakeTrial.in(TrialState.RUNNING, "1", Path.of("runs"));

    private Terminal terminal(boolean interactive) {
        PrintStream stream = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        return new Terminal(stream, stream, interactive, interactive, Glyphs.ASCII, 80, () -> 80);
    }

    private String written() {
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static Progress step(long step) {
        return new Progress(step, 200, 0, 1, step * 32, 0, 100, Duration.ZERO, Duration.ZERO);
    }

    @Test
    void withoutATerminalThereAreAFewPlainLines() {
        try (ProgressView view = ProgressView.on(terminal(false))) {
            for (int step = 1; step <= 200; step++) {
                view.step(trial, step(step));
            }
        }
        assertThat(written().lines().count()).isBetween(10L, 12L);
        assertThat(written()).doesNotContain("\r", "\033").contains("quick: step 200/200");
    }

    @Test
    void onATerminalTheLastStepStaysAndTheCursorStandsOnAFreshLine() {
        ProgressView view = ProgressView.on(terminal(true));
        view.step(trial, step(199));
        view.step(trial, step(200));
        view.close();
        view.close();
        view.evaluated(trial, "test", 100, List.of(new Score("accuracy", 1, Direction.UP)));

        assertThat(written()).contains("\rstep 200/200").endsWith("left 0:00\033[K" + System.lineSeparator());
    }

    @Test
    void aDownloadIsALineAtItsBeginningAndItsEnd() {
        try (ProgressView view = ProgressView.on(terminal(false))) {
            for (int i = 1; i <= 100; i++) {
                view.downloading("hf:org/name model.safetensors", i << 20, 100 << 20);
            }
        }
        assertThat(written().lines()).hasSize(2);
        assertThat(written())
                .contains("downloading hf:org/name model.safetensors", "  1%  1.0 MiB of 100 MiB", "100%  100 MiB of");
    }
}
