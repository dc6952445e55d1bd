package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.attune.training.Batch;
import org.attune.training.Sample;

/**
 * Deals samples out to lanes and cuts each lane's into micro-batches. Both depend on the samples' lengths and on the number of
 * lanes alone, so that the same samples give the same sums to the last bit, however many threads compute them.
 */
final class MicroBatches {
    private MicroBatches() {}

    /**
     * Some samples that are computed at once.
     *
     * @param places where they stand among those that were dealt out, ascending
     */
    record MicroBatch(int[] places, Batch batch) {}

    /**
     * @param tokens about so many tokens a micro-batch
     * @param apart samples that share no micro-batch with the others
     * @return the micro-batches of each lane, of nearly equal token counts
     */
    static List<List<MicroBatch>> assign(List<Sample> samples, int tokens, int lanes, Predicate<Sample> apart) {
        Map<Boolean, List<Integer>> parts = IntStream.range(0, samples.size())
                .boxed()
                .collect(Collectors.partitioningBy(i -> apart.test(samples.get(i))));
        List<List<Integer>> some = deal(samples, parts.get(true), lanes);
        List<List<Integer>> others = deal(samples, parts.get(false), lanes);
        return IntStream.range(0, lanes)
                .mapToObj(l -> Stream.of(others.get(l), some.get(l))
                        .flatMap(places -> cut(samples, places, tokens).stream())
                        .toList())
                .toList();
    }

    /** All samples as one micro-batch of the first lane. */
    static List<List<MicroBatch>> whole(List<Sample> samples, int lanes) {
        List<List<MicroBatch>> shares = new ArrayList<>();
        shares.add(List.of(new MicroBatch(IntStream.range(0, samples.size()).toArray(), Batch.of(samples))));
        while (shares.size() < lanes) {
            shares.add(List.of());
        }
        return shares;
    }

    /** The longest sample goes first, each to the lane that has least (Graham 1969): the lanes differ by a short one at most. */
    private static List<List<Integer>> deal(List<Sample> samples, List<Integer> places, int lanes) {
        List<List<Integer>> shares = new ArrayList<>();
        for (int l = 0; l < lanes; l++) {
            shares.add(new ArrayList<>());
        }
        long[] load = new long[lanes];
        places.stream()
                .sorted(Comparator.comparingInt(i -> -length(samples, i)))
                .forEach(i -> {
                    int least = leastOf(load);
                    shares.get(least).add(i);
                    load[least] += length(samples, i);
                });
        shares.forEach(share -> share.sort(null));
        return shares;
    }

    private static int leastOf(long[] load) {
        int least = 0;
        for (int l = 1; l < load.length; l++) {
            if (load[l] < load[least]) {
                least = l;
            }
        }
        return least;
    }

    /** Into as few parts as the budget allows, of about the same size: a sample goes where its middle lies. */
    private static List<MicroBatch> cut(List<Sample> samples, List<Integer> places, int tokens) {
        long total =
                Math.max(1, places.stream().mapToLong(i -> length(samples, i)).sum());
        long parts = (total + tokens - 1) / tokens;
        List<MicroBatch> batches = new ArrayList<>();
        List<Integer> open = new ArrayList<>();
        long before = 0;
        long part = 0;
        for (int i : places) {
            int length = length(samples, i);
            long in = (2 * before + length) * parts / (2 * total);
            if (in != part && !open.isEmpty()) {
                batches.add(batch(samples, open));
                open.clear();
            }
            part = in;
            open.add(i);
            before += length;
        }
        if (!open.isEmpty()) {
            batches.add(batch(samples, open));
        }
        return batches;
    }

    private static MicroBatch batch(List<Sample> samples, List<Integer> places) {
        return new MicroBatch(
                places.stream().mapToInt(Integer::intValue).toArray(),
                Batch.of(places.stream().map(samples::get).toList()));
    }

    private static int length(List<Sample> samples, int i) {
        return samples.get(i).ids().length;
    }
}
