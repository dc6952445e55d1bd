package org.attune.kernel.profile;

import static org.assertj.core.api.Assertions.assertThat;

import org.attune.tensor.DType;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.Test;

class WorkTest {
    private final TensorEngine engine = Instrumented.of(new ReferenceEngine());

    private Storage storage(long size) {
        return engine.allocate(size, DType.FLOAT64);
    }

    private Profile.Operation only() {
        assertThat(Instrumented.profile(engine).operations()).hasSize(1);
        return Instrumented.profile(engine).operations().get(0);
    }

    @Test
    void aLinearLayersProductAndOperands() {
        engine.linear(storage(6), storage(12), storage(4), 2, 3, 4, storage(8));
        assertThat(only().name()).isEqualTo("linear 3x4");
        assertThat(only().flops()).isEqualTo(2 * 2 * 3 * 4);
        assertThat(only().bytes()).isEqualTo(8 * (6 + 12 + 4 + 8));
    }

    @Test
    void causalAttentionCountsThePairsThatAreSeen() {
        int[] offsets = {0, 3, 4};
        AttentionLayout layout = AttentionLayout.self(offsets, 2, 1, true);
        engine.attention(layout, storage(8), storage(8), storage(8), storage(8), storage(layout.probabilities()));
        int pairs = 1 + 2 + 3 + 1;
        int heads = 2;
        int products = 2;
        assertThat(only().flops()).isEqualTo(2 * products * heads * pairs);
    }

    @Test
    void ofATableOnlyTheRowsThatArePicked() {
        engine.gatherRows(storage(1000), 10, new int[] {5, 7}, storage(20));
        assertThat(only().bytes()).isEqualTo(2 * 2 * 10 * 8);
    }
}
