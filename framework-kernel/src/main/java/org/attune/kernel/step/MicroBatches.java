package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.List;
import org.attune.training.Batch;
import org.attune.training.Sample;

/**
 * Cuts samples into micro-batches and gives each to a worker. The cut and the assignment depend on the samples' lengths alone,
 * so that the same samples give the same sums to the last bit.
 */
final class MicroBatches {
    private MicroBatches() {}

    /**
     * @param tokens about so many tokens a micro-batch; fewer where that leaves workers idle
     * @return for each worker its micro-batches
     */
    static List<List<Batch>> assign(List<Sample> samples, int tokens, int workers) {
        long total = samples.stream().mapToLong(s -> s.ids().length).sum();
        long budget = Math.max(1, Math.min(tokens, (total + workers - 1) / workers));
        List<List<Batch>> shares = new ArrayList<>();
        long[] load = new long[workers];
        for (int w = 0; w < workers; w++) {
            shares.add(new ArrayList<>());
        }
        List<Sample> open = new ArrayList<>();
        long size = 0;
        for (Sample s : samples) {
            // Closes at the boundary that is nearer to the budget, so that two workers get halves and not a half and a
            // bit.
            if (!open.isEmpty() && size + s.ids().length / 2 > budget) {
                give(open, size, shares, load);
                open = new ArrayList<>();
                size = 0;
            }
            open.add(s);
            size += s.ids().length;
        }
        if (!open.isEmpty()) {
            give(open, size, shares, load);
        }
        return shares;
    }

    private static void give(List<Sample> samples, long size, List<List<Batch>> shares, long[] load) {
        int least = 0;
        for (int w = 1; w < load.length; w++) {
            if (load[w] < load[least]) {
                least = w;
            }
        }
        shares.get(least).add(Batch.of(samples));
        load[least] += size;
    }
}
