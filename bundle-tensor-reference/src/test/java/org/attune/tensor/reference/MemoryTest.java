package org.attune.tensor.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.attune.tensor.engine.Arena;
import org.attune.tensor.engine.EngineStats;
import org.attune.tensor.engine.Storage;
import org.junit.jupiter.api.Test;

class MemoryTest {
    private final ReferenceEngine engine = new ReferenceEngine();

    @Test
    void blocksGoToThePoolAndComeBack() {
        try (Arena arena = engine.openArena()) {
            arena.allocate(1024, engine.dtype());
            Storage early = arena.allocate(1024, engine.dtype());
            early.close();
            assertThat(engine.stats()).isEqualTo(new EngineStats(8192, 16384, 8192, 0));
            arena.allocate(1024, engine.dtype());
            assertThat(engine.stats()).isEqualTo(new EngineStats(16384, 16384, 0, 0));
        }
        assertThat(engine.stats()).isEqualTo(new EngineStats(0, 16384, 16384, 0));
    }

    @Test
    void raggedSizesShareBlocks() {
        for (int size = 901; size <= 1024; size++) {
            try (Arena arena = engine.openArena()) {
                arena.allocate(size, engine.dtype());
            }
        }
        assertThat(engine.stats().pooledBytes()).isEqualTo(8192);
    }

    @Test
    void whatWasNeverWrittenReadsAsNan() {
        for (int i = 0; i < 2; i++) {
            try (Arena arena = engine.openArena()) {
                Storage s = arena.allocate(3, engine.dtype());
                double[] seen = new double[3];
                engine.read(s, seen, 0, 3);
                assertThat(seen).containsOnly(Double.NaN);
                engine.fill(s, 1);
            }
        }
    }

    @Test
    void emptyStoragesAreLegal() {
        try (Arena arena = engine.openArena()) {
            assertThat(arena.allocate(0, engine.dtype()).size()).isZero();
        }
        assertThat(engine.stats().pooledBytes()).isZero();
    }

    @Test
    void sizesBeyondAnArrayAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> engine.allocate(1L << 31, engine.dtype()))
                .withMessage("the reference engine holds up to 2^31 - 9 elements in a tensor, not 2147483648");
    }
}
