package org.attune.training;

import java.util.List;
import org.attune.model.TokenBatch;

/**
 * The samples of one micro-batch.
 *
 * @param samples in order of their sequences
 * @param tokens the same, packed
 */
public record Batch(List<Sample> samples, TokenBatch tokens) {
    /** Packs samples. */
    public static Batch of(List<Sample> samples) {
        int n = samples.size();
        int[] offsets = new int[n + 1];
        long[] examples = new long[n];
        int[] padding = new int[n];
        for (int i = 0; i < n; i++) {
            offsets[i + 1] = offsets[i] + samples.get(i).ids().length;
            examples[i] = samples.get(i).example();
            padding[i] = samples.get(i).padding();
        }
        int[] ids = new int[offsets[n]];
        int[] types = new int[offsets[n]];
        for (int i = 0; i < n; i++) {
            Sample s = samples.get(i);
            System.arraycopy(s.ids(), 0, ids, offsets[i], s.ids().length);
            System.arraycopy(s.types(), 0, types, offsets[i], s.types().length);
        }
        return new Batch(List.copyOf(samples), new TokenBatch(ids, types, offsets, examples, padding));
    }
}
