package org.attune.tensor.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class AttentionLayoutTest {
    private static AttentionLayout layout(int[] queries, int[] keys, int heads, int keyHeads, boolean causal) {
        return new AttentionLayout(queries, keys, heads, keyHeads, 4, 0.5, causal);
    }

    private static void refused(int[] queries, int[] keys, int heads, int keyHeads, boolean causal, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> layout(queries, keys, heads, keyHeads, causal))
                .withMessage(message);
    }

    @Test
    void probabilitiesAreCountedBySequence() {
        AttentionLayout layout = layout(new int[] {0, 2, 3}, new int[] {0, 3, 7}, 2, 1, true);
        assertThat(layout.sequences()).isEqualTo(2);
        assertThat(layout.queryLength(1)).isEqualTo(1);
        assertThat(layout.keyLength(1)).isEqualTo(4);
        assertThat(layout.probabilities()).isEqualTo(2 * (2 * 3 + 1 * 4));
        assertThat(AttentionLayout.self(new int[] {0, 4}, 2, 16, false).scale()).isEqualTo(0.25);
    }

    @Test
    void layoutsThatDoNotFitAreRefused() {
        int[] one = {0, 2};
        refused(one, one, 3, 2, false, "3 query heads cannot share 2 key heads of size 4");
        refused(one, one, 2, 0, false, "2 query heads cannot share 0 key heads of size 4");
        refused(new int[] {1, 2}, one, 1, 1, false, "query offsets must ascend from 0, not [1, 2]");
        refused(one, new int[] {0, 2, 1}, 1, 1, false, "key offsets must ascend from 0, not [0, 2, 1]");
        refused(one, new int[0], 1, 1, false, "key offsets must ascend from 0, not []");
        refused(one, new int[] {0, 1, 2}, 1, 1, false, "queries of 1 sequences, keys of 2");
    }

    @Test
    void eachQuerySeesAKey() {
        refused(new int[] {0, 2}, new int[] {0, 0}, 1, 1, false, "sequence 0 has 2 queries but only 0 keys");
        refused(
                new int[] {0, 1, 4},
                new int[] {0, 1, 3},
                1,
                1,
                true,
                "sequence 1 has 3 causal queries but only 2 keys");
        assertThat(layout(new int[] {0, 0, 3}, new int[] {0, 2, 3}, 1, 1, false).probabilities())
                .isEqualTo(3);
    }

    @Test
    void aWindowEndsAtTheQuerysOwnPosition() {
        AttentionLayout layout =
                layout(new int[] {0, 2, 3}, new int[] {0, 5, 6}, 1, 1, true).withWindow(3);
        assertThat(layout.firstKey(0, 0)).isEqualTo(1);
        assertThat(layout.endKey(0, 0)).isEqualTo(4);
        assertThat(layout.firstKey(0, 1)).isEqualTo(2);
        assertThat(layout.endKey(0, 1)).isEqualTo(5);
        assertThat(layout.firstKey(1, 0)).isZero();
    }

    @Test
    void windowsAndCapsThatMakeNoSenseAreRefused() {
        AttentionLayout both = layout(new int[] {0, 2}, new int[] {0, 2}, 1, 1, false);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> both.withWindow(4))
                .withMessage("a window of 4 keys where queries see later keys too");
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        layout(new int[] {0, 2}, new int[] {0, 2}, 1, 1, true).withWindow(0))
                .withMessage("a window of 0 keys");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> both.withSoftCap(Double.NaN))
                .withMessage("a soft cap of NaN");
    }
}
