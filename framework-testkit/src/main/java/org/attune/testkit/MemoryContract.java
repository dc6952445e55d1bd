package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.attune.tensor.Gradients;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.EngineStats;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** See {@link EngineContract.Memory}. */
abstract class MemoryContract {
    private static final int LENGTH = 64;
    private static final int HEADS = 4;
    private static final int WIDTH = 16;
    private static final AttentionLayout ATTENTION =
            AttentionLayout.self(new int[] {0, LENGTH}, HEADS, WIDTH / HEADS, false);

    private final TensorEngine engine;

    MemoryContract(TensorEngine engine) {
        this.engine = engine;
    }

    @Test
    void statisticsFollowAPersistentTensor() {
        EngineStats before = engine.stats();
        Tensor t = Tensor.zeros(engine, Shape.of(1000));
        EngineStats open = engine.stats();
        assertThat(open.liveBytes() - before.liveBytes())
                .isGreaterThanOrEqualTo(1000L * engine.dtype().bytes());
        assertThat(open.peakBytes()).isGreaterThanOrEqualTo(open.liveBytes());
        t.close();
        assertThat(engine.stats().liveBytes()).isEqualTo(before.liveBytes());
        assertThat(engine.stats().peakBytes()).isEqualTo(open.peakBytes());
    }

    @Test
    void kernelCallsAreCounted() {
        try (Tensor t = Tensor.zeros(engine, Shape.of(3))) {
            long before = engine.stats().kernelCalls();
            t.exp().close();
            assertThat(engine.stats().kernelCalls()).isGreaterThan(before);
        }
    }

    @Test
    void persistentMemoryIsZeroedWhateverWasThere() {
        for (int i = 0; i < 3; i++) {
            try (Tensor t = Tensor.zeros(engine, Shape.of(777))) {
                assertThat(t.toDoubles()).containsOnly(0);
                engine.fill(t.storage(), 7);
            }
        }
    }

    @Test
    void fiftyEqualStepsTakeNoMemoryAfterTheSecond() {
        try (SmallModel model = new SmallModel(engine)) {
            model.train();
            model.train();
            EngineStats settled = engine.stats();
            for (int i = 0; i < 50; i++) {
                model.train();
                EngineStats now = engine.stats();
                assertThat(now.liveBytes()).as("live after step %d", i).isEqualTo(settled.liveBytes());
                assertThat(now.pooledBytes()).as("pooled after step %d", i).isEqualTo(settled.pooledBytes());
            }
        }
    }

    @Test
    void closingEarlyGivesTheBlockBackWithinTheScope() {
        try (Tensor x = Tensor.zeros(engine, Shape.of(5000))) {
            Scopes.run(engine, () -> {
                x.exp().close();
                EngineStats settled = engine.stats();
                for (int i = 0; i < 100; i++) {
                    x.exp().close();
                }
                assertThat(engine.stats().liveBytes()).isEqualTo(settled.liveBytes());
                assertThat(engine.stats().pooledBytes()).isEqualTo(settled.pooledBytes());
            });
        }
    }

    static Stream<Named<UnaryOperator<Tensor>>> layers() {
        return Stream.of(
                Named.of("tanh", Tensor::tanh),
                Named.of("softmax", Tensor::softmax),
                Named.of("add", x -> x.add(x)),
                Named.of("divide by rows", x -> x.div(x.square().sum(1).add(1).reshape(LENGTH, 1))),
                Named.of("attention", x -> x.attention(x, x, ATTENTION)));
    }

    /** Probes between the layers note what is live when backward passes them. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("layers")
    void backwardFreesAsItGoes(UnaryOperator<Tensor> layer) {
        int layers = 40;
        List<Long> live = new ArrayList<>();
        try (Tensor x = Tensor.zeros(engine, Shape.of(LENGTH, WIDTH)).trainable();
                Gradients gradients = new Gradients(List.of(x));
                Scope scope = Scope.open(engine)) {
            long before = engine.stats().liveBytes();
            Tensor h = x;
            for (int i = 0; i < layers; i++) {
                h = Tensor.custom(List.of(layer.apply(h)), in -> in.get(0), (dy, in) -> {
                    live.add(engine.stats().liveBytes() - before);
                    in.add(0, dy);
                });
            }
            Tensor loss = h.sum();
            long held = engine.stats().liveBytes() - before;
            long peak = engine.stats().peakBytes();
            scope.backward(loss, gradients);
            assertThat(Collections.max(live)).as("highest").isLessThan(held + held / 8);
            assertThat(live.get(layers / 2)).as("half way").isLessThan(held * 5 / 8);
            assertThat(live.get(layers - 1)).as("at the last layer").isLessThan(held / 8);
            assertThat(engine.stats().peakBytes()).isLessThan(Math.max(peak + 1, before + held + held / 5));
        }
    }

    @Test
    void withoutGradientAttentionKeepsNoProbabilities() {
        try (Tensor x = Tensor.zeros(engine, Shape.of(LENGTH, WIDTH)).trainable()) {
            Scopes.run(engine, () -> {
                long before = engine.stats().liveBytes();
                x.detach().mul(2);
                long one = engine.stats().liveBytes() - before;
                Scope.withoutGradient(() -> x.attention(x, x, ATTENTION));
                assertThat(engine.stats().liveBytes() - before).isEqualTo(2 * one);
            });
        }
    }

    @Test
    void memoryUsedAfterClosingIsNoticed() {
        Tensor persistent = Tensor.zeros(engine, Shape.of(3));
        persistent.close();
        assertThatCode(persistent::close).as("closing twice").doesNotThrowAnyException();
        assertThatIllegalStateException().as("read").isThrownBy(persistent::toDoubles);
        assertThatIllegalStateException().as("written").isThrownBy(() -> persistent.set(1.0, 2.0, 3.0));
        assertThatIllegalStateException().as("computed with").isThrownBy(persistent::exp);

        Tensor ofScope = Scopes.within(engine, () -> Tensor.of(engine, Shape.of(2), 1.0, 2.0));
        assertThatIllegalStateException().as("of a closed scope").isThrownBy(ofScope::toDoubles);
        assertThatIllegalStateException().as("of a closed scope").isThrownBy(() -> ofScope.add(ofScope));
    }

    @Test
    void resultsAreGoneAfterBackwardButTheLossStays() {
        try (Tensor x = Tensor.zeros(engine, Shape.of(3)).trainable();
                Gradients gradients = new Gradients(List.of(x));
                Scope scope = Scope.open(engine)) {
            Tensor h = x.exp();
            Tensor loss = h.sum(0).reshape(1).reshape();
            scope.backward(loss, gradients);
            assertThat(loss.item()).isEqualTo(3);
            assertThatIllegalStateException().isThrownBy(h::toDoubles);
        }
    }

    @Test
    void aSliceSharesItsStoragesMemoryAndLife() {
        Storage whole = engine.allocate(10, engine.dtype());
        Storage part = whole.slice(3, 4).slice(1, 2);
        assertThat(part.size()).isEqualTo(2);
        engine.fill(part, 5);
        double[] seen = new double[10];
        engine.read(whole, seen, 0, 10);
        assertThat(seen).containsExactly(0, 0, 0, 0, 5, 5, 0, 0, 0, 0);
        part.close();
        engine.read(whole, seen, 0, 10);
        whole.close();
        assertThatIllegalStateException().isThrownBy(() -> engine.fill(part, 1));
    }
}
