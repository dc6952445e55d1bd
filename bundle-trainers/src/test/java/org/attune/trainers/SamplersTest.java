package org.attune.trainers;

import static org.assertj.core.api.Assertions.assertThat;

import org.attune.plugin.NoOptions;
import org.junit.jupiter.api.Test;

class SamplersTest {
    private static int[] shuffled(int epoch, long seed) {
        return new Shuffle().epoch(new NoOptions(), 50, epoch, seed);
    }

    @Test
    void shuffleTakesEveryExampleOnceInAnOrderOfItsOwn() {
        int[] all = new Sequential().epoch(new NoOptions(), 50, 3, 9);
        assertThat(all).isSorted().hasSize(50).doesNotHaveDuplicates().contains(0, 49);
        assertThat(shuffled(0, 1)).containsExactlyInAnyOrder(all).isNotEqualTo(all);
    }

    @Test
    void shuffleDependsOnEpochAndSeedAlone() {
        assertThat(shuffled(2, 1)).isEqualTo(shuffled(2, 1));
        assertThat(shuffled(2, 1)).isNotEqualTo(shuffled(3, 1)).isNotEqualTo(shuffled(2, 2));
    }
}
