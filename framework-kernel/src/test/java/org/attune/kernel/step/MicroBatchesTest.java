package org.attune.kernel.step;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.attune.tensor.Rng;
import org.attune.training.Batch;
import org.attune.training.Sample;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MicroBatchesTest {
    private static List<Sample> samples(int n) {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int length = 1 + Rng.of(2).below(30, i);
            samples.add(new Sample(i, new int[length], new int[length], new int[] {0}));
        }
        return samples;
    }

    private static List<Long> examples(List<Batch> batches) {
        return batches.stream()
                .flatMap(b -> b.samples().stream())
                .map(Sample::example)
                .toList();
    }

    @ParameterizedTest
    @CsvSource({"32, 128, 2", "32, 1, 3", "1, 512, 4", "5, 10, 8", "33, 100000, 1", "33, 100000, 4"})
    void everySampleIsThereExactlyOnce(int n, int tokens, int workers) {
        List<Sample> samples = samples(n);
        List<List<Batch>> shares = MicroBatches.assign(samples, tokens, workers);
        assertThat(shares).hasSize(workers);
        List<Batch> all = shares.stream().flatMap(List::stream).toList();
        assertThat(examples(all))
                .containsExactlyInAnyOrderElementsOf(
                        samples.stream().map(Sample::example).toList());
        assertThat(all).allMatch(b -> !b.samples().isEmpty());
    }

    @Test
    void theSameSamplesAreCutTheSameWay() {
        List<List<Long>> first = new ArrayList<>();
        List<List<Long>> second = new ArrayList<>();
        MicroBatches.assign(samples(40), 64, 3).forEach(s -> first.add(examples(s)));
        MicroBatches.assign(samples(40), 64, 3).forEach(s -> second.add(examples(s)));
        assertThat(first).isEqualTo(second);
    }

    @Test
    void aMicroBatchHasAboutTheTokensAskedFor() {
        List<Batch> batches = MicroBatches.assign(samples(200), 100, 2).stream()
                .flatMap(List::stream)
                .toList();
        assertThat(batches).allMatch(b -> b.tokens().tokens() <= 100 + 15);
        assertThat(batches.stream().filter(b -> b.tokens().tokens() < 70).count())
                .as("the last one may be small")
                .isLessThanOrEqualTo(1);
    }

    @Test
    void workersGetAboutTheSame() {
        long[] loads = MicroBatches.assign(samples(64), 60, 3).stream()
                .mapToLong(s -> s.stream().mapToLong(b -> b.tokens().tokens()).sum())
                .sorted()
                .toArray();
        assertThat(loads[2] - loads[0]).isLessThanOrEqualTo(75);
        List<List<Batch>> halves = MicroBatches.assign(samples(16), 100_000, 2);
        assertThat(halves).allMatch(s -> s.size() == 1);
    }
}
