package org.attune.shell.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.attune.trial.Progress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgressLineTest {
    private static final Progress HALF =
            new Progress(120, 250, 0.48, 1.2345, 3_840, 50_000, 310, Duration.ofSeconds(12), Duration.ofSeconds(13));

    @Test
    void aWideTerminalShowsEverything() {
        assertThat(ProgressLine.step(HALF, 100, Glyphs.UNICODE))
                .isEqualTo("step 120/250  ██████████████░░░░░░░░░░░░░░░░   48%  loss 1.2345  310 ex/s  left 0:13");
        assertThat(ProgressLine.step(HALF, 66, Glyphs.ASCII))
                .isEqualTo("step 120/250  #####.......   48%  loss 1.2345  310 ex/s  left 0:13");
    }

    @Test
    void aNarrowTerminalLosesTheBarThenTheLesserNumbers() {
        assertThat(ProgressLine.step(HALF, 58, Glyphs.UNICODE))
                .isEqualTo("step 120/250   48%  loss 1.2345  310 ex/s  left 0:13");
        assertThat(ProgressLine.step(HALF, 45, Glyphs.UNICODE)).isEqualTo("step 120/250   48%  loss 1.2345  left 0:13");
        assertThat(ProgressLine.step(HALF, 24, Glyphs.UNICODE)).isEqualTo("step 120/250  left 0:13");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 8, 20, 40, 60, 61, 62, 79, 80, 200})
    void noLineIsWiderThanTheTerminal(int width) {
        assertThat(ProgressLine.step(HALF, width, Glyphs.UNICODE).length()).isLessThanOrEqualTo(width);
    }

    @Test
    void beforeTheFirstStepOnlyWhatIsKnown() {
        Progress start = new Progress(0, 250, 0, Double.NaN, 0, 0, 0, Duration.ZERO, null);
        assertThat(ProgressLine.step(start, 50, Glyphs.ASCII))
                .isEqualTo("step   0/250  ..............................    0%");
    }

    @Test
    void anUnknownTotalIsNoDivisionByZero() {
        assertThat(ProgressLine.examples("evaluating test", 0, 0, 80, Glyphs.ASCII))
                .contains("0%");
    }
}
