package org.attune.kernel.optim;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Against {@code torch.amp.GradScaler} with its defaults. */
class LossScalingTest {
    private final LossScaling scaling = new LossScaling();

    private void succeed(int steps) {
        for (int i = 0; i < steps; i++) {
            scaling.succeeded();
        }
    }

    @Test
    void growsAfter2000StepsWithoutAnOverflow() {
        assertThat(scaling.scale()).isEqualTo(65536);
        succeed(1999);
        assertThat(scaling.scale()).isEqualTo(65536);
        succeed(1);
        assertThat(scaling.scale()).isEqualTo(131072);
        succeed(2000);
        assertThat(scaling.scale()).isEqualTo(262144);
    }

    @Test
    void anOverflowHalvesItAndStartsTheCountAnew() {
        succeed(1999);
        assertThat(scaling.overflowed()).isTrue();
        assertThat(scaling.scale()).isEqualTo(32768);
        succeed(1999);
        assertThat(scaling.scale()).isEqualTo(32768);
        succeed(1);
        assertThat(scaling.scale()).isEqualTo(65536);
        assertThat(scaling.skipped()).isEqualTo(1);
    }

    @Test
    void gradientsThatOverflowUnscaledAreNotItsFault() {
        for (int i = 0; i < 16; i++) {
            assertThat(scaling.overflowed()).isTrue();
        }
        assertThat(scaling.scale()).isEqualTo(1);
        assertThat(scaling.overflowed()).isFalse();
    }

    @Test
    void goesOnFromItsState() {
        succeed(1500);
        scaling.overflowed();
        succeed(700);
        LossScaling resumed = new LossScaling();
        resumed.restore(scaling.state());
        assertThat(resumed.state()).isEqualTo(scaling.state());
        assertThat(resumed.scale()).isEqualTo(32768);
        assertThat(resumed.skipped()).isEqualTo(1);
    }
}
