package org.attune.tensor.nd4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.List;
import java.util.Random;
import org.attune.tensor.DType;
import org.attune.tensor.Gradients;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Arena;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.EngineStats;
import org.attune.tensor.engine.Storage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class Nd4jMemoryTest {
    private Nd4jEngine engine;

    @BeforeEach
    void open() {
        Nd4jPresence.assume();
        engine = new Nd4jEngine();
    }

    @AfterEach
    void close() {
        if (engine != null) {
            engine.close();
        }
    }

    @Test
    void raggedStepsSettle() {
        Random random = new Random(1);
        try (Tensor w = Tensor.zeros(engine, Shape.of(32, 32)).trainable();
                Gradients gradients = new Gradients(List.of(w))) {
            EngineStats settled = null;
            for (int step = 0; step < 300; step++) {
                int tokens = 1 + random.nextInt(100);
                AttentionLayout layout = AttentionLayout.self(new int[] {0, tokens / 3, tokens}, 2, 16, true);
                try (Tensor input = Tensor.zeros(engine, Shape.of(tokens, 32));
                        Scope scope = Scope.open(engine)) {
                    Tensor x = input.linear(w, null);
                    scope.backward(x.attention(x, x, layout).gelu().mean(), gradients);
                }
                if (step == 200) {
                    settled = engine.stats();
                }
            }
            assertThat(engine.stats().liveBytes()).isEqualTo(settled.liveBytes());
            assertThat(engine.stats().pooledBytes()).isEqualTo(settled.pooledBytes());
        }
        assertThat(engine.stats().liveBytes()).isZero();
    }

    @Test
    void memoryWithinAStepIsReused() {
        try (Arena arena = engine.openArena()) {
            for (int i = 0; i < 100; i++) {
                Storage s = arena.allocate(1000, DType.FLOAT32);
                engine.fill(s, i);
                s.close();
            }
        }
        assertThat(engine.stats().pooledBytes()).isLessThan(2 * 4 * 1000);
        assertThat(engine.stats().peakBytes()).isLessThan(2 * 4 * 1000);
    }

    @Test
    void everyTypeButTheWidestRoundsToNearestTiesToEven() {
        double[] values = {1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1p-11, 1 + 3 * 0x1p-11, 1e6, -0x1p-25, 65519, 65520};
        assertThat(rounded(DType.BFLOAT16, values))
                .containsExactly(1, 1 + 0x1p-6, 1, 1, 999424, -0x1p-25, 65536, 65536);
        assertThat(rounded(DType.FLOAT16, values))
                .containsExactly(
                        1 + 0x1p-8,
                        1 + 3 * 0x1p-8,
                        1,
                        1 + 0x1p-9,
                        Double.POSITIVE_INFINITY,
                        -0.0,
                        65504,
                        Double.POSITIVE_INFINITY);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> engine.allocate(1, DType.FLOAT64))
                .withMessageContaining("the nd4j engine has no FLOAT64; it has [FLOAT32, FLOAT16, BFLOAT16]");
    }

    private double[] rounded(DType type, double[] values) {
        try (Storage s = engine.allocate(values.length, type)) {
            engine.write(values, 0, values.length, s);
            double[] seen = new double[values.length];
            engine.read(s, seen, 0, seen.length);
            return seen;
        }
    }

    @Test
    void aClosedEngineKeepsNothing() {
        Storage persistent = engine.allocate(10, DType.FLOAT32);
        Arena arena = engine.openArena();
        Storage ofArena = arena.allocate(10, DType.FLOAT32);
        engine.softmax(persistent, 2, 5, ofArena);
        engine.close();
        persistent.close();
        arena.close();
        assertThatIllegalStateException().isThrownBy(() -> engine.fill(persistent, 1));
        assertThat(engine.stats().liveBytes()).isZero();
        assertThat(engine.stats().pooledBytes()).isZero();
    }
}
