package org.attune.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
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

class CpuMemoryTest {
    private static final long MEGABYTE = 1 << 20;
    private CpuEngine engine;

    @BeforeEach
    void open() {
        OneDnnPresence.assume();
        engine = new CpuEngine();
    }

    @AfterEach
    void close() {
        if (engine != null) {
            engine.close();
        }
    }

    @Test
    void raggedStepsHoldNoMoreThanTheFirstOnes() {
        Random random = new Random(1);
        try (Tensor w = Tensor.zeros(engine, Shape.of(64, 64)).trainable();
                Gradients gradients = new Gradients(List.of(w))) {
            EngineStats settled = null;
            for (int step = 0; step < 2000; step++) {
                int tokens = 1 + random.nextInt(200);
                AttentionLayout layout =
                        AttentionLayout.self(new int[] {0, tokens / 3, tokens}, 4, 16, random.nextBoolean());
                try (Tensor input = Tensor.zeros(engine, Shape.of(tokens, 64));
                        Scope scope = Scope.open(engine)) {
                    Tensor x = input.linear(w, null);
                    scope.backward(x.attention(x, x, layout).gelu().mean(), gradients);
                }
                if (step == 20) {
                    settled = engine.stats();
                }
            }
            assertThat(engine.stats().liveBytes()).isEqualTo(settled.liveBytes());
            assertThat(engine.stats().pooledBytes()).isEqualTo(settled.pooledBytes());
        }
        assertThat(engine.stats().liveBytes()).isZero();
    }

    /** Storages larger than a usual slab, of ever other sizes: the largest slab serves them all. */
    @Test
    void largeStoragesShareTheLargestSlab() {
        for (long size : new long[] {60 * MEGABYTE, 37 * MEGABYTE, 59 * MEGABYTE, 12 * MEGABYTE, 60 * MEGABYTE}) {
            try (Arena arena = engine.openArena()) {
                arena.allocate(size / Float.BYTES, engine.dtype());
            }
        }
        assertThat(engine.stats().pooledBytes()).isBetween(60 * MEGABYTE, 68 * MEGABYTE);
    }

    @Test
    void storagesDoNotOverlapAndFreeSpansMerge() {
        Random random = new Random(2);
        try (Arena arena = engine.openArena()) {
            List<Storage> open = new ArrayList<>();
            List<Float> contents = new ArrayList<>();
            float[] seen = new float[1];
            for (int i = 0; i < 3000; i++) {
                if (open.size() < 40 || random.nextBoolean()) {
                    Storage s = arena.allocate(1 + random.nextInt(20000), engine.dtype());
                    assertThat(CpuStorage.address(s) % 64).isZero();
                    engine.fill(s, i);
                    open.add(s);
                    contents.add((float) i);
                } else {
                    int gone = random.nextInt(open.size());
                    Storage s = open.remove(gone);
                    float content = contents.remove(gone);
                    engine.read(s.slice(s.size() - 1, 1), seen, 0, 1);
                    assertThat(seen[0]).isEqualTo(content);
                    engine.read(s, seen, 0, 1);
                    assertThat(seen[0]).isEqualTo(content);
                    s.close();
                    s.close();
                }
            }
            open.forEach(Storage::close);
            assertThat(engine.stats().liveBytes()).isZero();
            arena.allocate(8 * MEGABYTE, engine.dtype()).close(); // a whole slab: all spans are one again
        }
        EngineStats stats = engine.stats();
        assertThat(stats.pooledBytes() % (32 * MEGABYTE)).isZero();
        try (Arena arena = engine.openArena()) {
            arena.allocate(1, engine.dtype());
            assertThat(engine.stats().pooledBytes()).isEqualTo(stats.pooledBytes() - 32 * MEGABYTE);
        }
    }

    @Test
    void aClosedEngineRefusesKernelsAndKeepsNothing() {
        Storage persistent = engine.allocate(10, engine.dtype());
        Arena arena = engine.openArena();
        Storage ofArena = arena.allocate(10, engine.dtype());
        engine.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> engine.fill(persistent, 1))
                .withMessage("the cpu engine is closed");
        assertThatIllegalStateException()
                .isThrownBy(() -> inNewThread(() -> {
                    engine.fill(ofArena, 1);
                    return null;
                }));
        persistent.close();
        arena.close();
        assertThat(engine.stats().liveBytes()).isZero();
        assertThat(engine.stats().pooledBytes()).isZero();
    }

    @Test
    void aNewThreadTakesOverWhatAnEndedThreadBuilt() throws Exception {
        Workers workers = new Workers();
        Set<Worker> seen = new HashSet<>();
        for (int i = 0; i < 20; i++) {
            seen.add(inNewThread(() -> {
                try (Worker w = workers.enter();
                        Worker again = workers.enter()) {
                    assertThat(again).isSameAs(w);
                    return w;
                }
            }));
        }
        assertThat(seen).hasSize(1);
        workers.close();
    }

    private static <T> T inNewThread(Callable<T> work) throws Exception {
        FutureTask<T> task = new FutureTask<>(work);
        Thread thread = new Thread(task);
        thread.start();
        thread.join();
        try {
            return task.get();
        } catch (ExecutionException e) {
            throw (Exception) e.getCause();
        }
    }
}
