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

    private static List<List<Batch>> assign(List<Sample> samples, int tokens, int lanes) {
        return batches(MicroBatches.assign(samples, tokens, lanes, s -> false));
    }

    private static List<List<Batch>> batches(List<List<MicroBatches.MicroBatch>> shares) {
        return shares.stream()
                .map(share -> share.stream().map(MicroBatches.MicroBatch::batch).toList())
                .toList();
    }

    private static long load(List<Batch> share) {
        return share.stream().mapToLong(b -> b.tokens().tokens()).sum();
    }

    private static List<Long> examples(List<Batch> batches) {
        return batches.stream()
                .flatMap(b -> b.samples().stream())
                .map(Sample::example)
                .toList();
    }

    @ParameterizedTest
    @CsvSource({"32, 128, 2", "32, 1, 3", "1, 512, 4", "5, 10, 8", "33, 100000, 1", "33, 100000, 4"})
    void everySampleIsThereExactlyOnce(int n, int tokens, int lanes) {
        List<Sample> samples = samples(n);
        List<List<Batch>> shares = assign(samples, tokens, lanes);
        assertThat(shares).hasSize(lanes);
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
        assign(samples(40), 64, 3).forEach(s -> first.add(examples(s)));
        assign(samples(40), 64, 3).forEach(s -> second.add(examples(s)));
        assertThat(first).isEqualTo(second);
    }

    @Test
    void aMicroBatchHasAboutTheTokensAskedFor() {
        List<Batch> batches =
                assign(samples(200), 100, 2).stream().flatMap(List::stream).toList();
        assertThat(batches).allMatch(b -> b.tokens().tokens() <= 100 + 15);
        assertThat(batches.stream().filter(b -> b.tokens().tokens() < 70).count())
                .as("the last one may be small")
                .isLessThanOrEqualTo(1);
    }

    @Test
    void placesSayWhereTheSamplesStood() {
        List<Sample> samples = samples(20);
        for (List<MicroBatches.MicroBatch> share : MicroBatches.assign(samples, 60, 3, s -> false)) {
            for (MicroBatches.MicroBatch micro : share) {
                for (int i = 0; i < micro.places().length; i++) {
                    assertThat(micro.batch().samples().get(i)).isSameAs(samples.get(micro.places()[i]));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"64, 2", "64, 3", "200, 8", "16, 2"})
    void lanesGetAboutTheSame(int n, int lanes) {
        List<List<Batch>> shares = assign(samples(n), 60, lanes);
        long[] loads =
                shares.stream().mapToLong(MicroBatchesTest::load).sorted().toArray();
        assertThat(loads[lanes - 1] - loads[0]).isLessThanOrEqualTo(3);
    }

    @Test
    void microBatchesOfALaneAreAboutTheSame() {
        long[] sizes = assign(samples(30), 100, 1).get(0).stream()
                .mapToLong(b -> b.tokens().tokens())
                .sorted()
                .toArray();
        assertThat(sizes[sizes.length - 1] - sizes[0]).isLessThanOrEqualTo(30);
    }

    @Test
    void aWholeBatchIsOneLanesAlone() {
        List<List<Batch>> shares = batches(MicroBatches.whole(samples(9), 3));
        assertThat(shares).hasSize(3);
        assertThat(shares.get(0))
                .singleElement()
                .satisfies(b -> assertThat(b.samples()).hasSize(9));
        assertThat(shares.get(1)).isEmpty();
    }
}
