package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.attune.tensor.engine.TensorEngine;
import org.junit.jupiter.api.Test;

/** See {@link EngineContract.Repeatability}. */
abstract class RepeatabilityContract {
    private static final int ROUNDS = 10;

    private final TensorEngine engine;

    RepeatabilityContract(TensorEngine engine) {
        this.engine = engine;
    }

    @Test
    void theSameComputationGivesTheSameBits() {
        try (SmallModel model = new SmallModel(engine)) {
            double[] first = model.lossAndGradients();
            for (int i = 0; i < ROUNDS; i++) {
                assertThat(model.lossAndGradients()).containsExactly(first);
            }
        }
    }

    @Test
    void twoThreadsAtOnceGetTheBitsOfOneAlone() throws InterruptedException, ExecutionException {
        double[] alone;
        try (SmallModel model = new SmallModel(engine)) {
            alone = model.lossAndGradients();
        }
        long before = engine.stats().liveBytes();
        CyclicBarrier together = new CyclicBarrier(2);
        Callable<List<double[]>> work = () -> {
            List<double[]> results = new ArrayList<>();
            try (SmallModel model = new SmallModel(engine)) {
                together.await();
                for (int i = 0; i < ROUNDS; i++) {
                    results.add(model.lossAndGradients());
                }
            }
            return results;
        };
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            for (Future<List<double[]>> future : threads.invokeAll(List.of(work, work))) {
                for (double[] result : future.get()) {
                    assertThat(result).containsExactly(alone);
                }
            }
        } finally {
            threads.shutdown();
        }
        assertThat(engine.stats().liveBytes()).isEqualTo(before);
    }
}
