package org.attune.tensor.engine;

import java.util.Arrays;

/**
 * Which rows attend to which: sequence {@code i} owns the query rows {@code [queryOffsets[i], queryOffsets[i+1])} and the
 * key and value rows {@code [keyOffsets[i], keyOffsets[i+1])} of the packed tensors, and never sees another sequence.
 *
 * <p>The arrays are not copied and must not change. A sequence may have no queries, or neither queries nor keys.
 *
 * @param queryOffsets ascending from 0, one more than there are sequences
 * @param keyOffsets the same for keys and values; the same array where queries and keys are the same tokens
 * @param heads query heads
 * @param keyHeads key and value heads; {@code heads / keyHeads} query heads share one (grouped-query attention)
 * @param headSize width of a head
 * @param scale factor of the scores before the softmax, usually {@code 1 / sqrt(headSize)}
 * @param causal a query sees only keys up to its own position, the last query being at the last key's position
 * @param window how many keys a causal query sees at most, the last one at its own position (sliding window, Beltagy et al. 2020,
 *     arXiv 2004.05150); {@link #ALL} for no such limit
 * @param softCap c above 0 makes each score s, scaled, {@code c tanh(s / c)} (Gemma 2, arXiv 2408.00118); 0 leaves it as it is
 */
public record AttentionLayout(
        int[] queryOffsets,
        int[] keyOffsets,
        int heads,
        int keyHeads,
        int headSize,
        double scale,
        boolean causal,
        int window,
        double softCap) {
    /** The window that hides nothing. */
    public static final int ALL = Integer.MAX_VALUE;

    /**
     * @throws IllegalArgumentException if the offsets or the numbers of heads do not fit, a query would see no key, or there is a
     *     window without causality
     */
    public AttentionLayout {
        if (window < 1 || window != ALL && !causal) {
            throw new IllegalArgumentException(
                    "a window of " + window + (causal ? " keys" : " keys where queries see later keys too"));
        }
        if (!(softCap >= 0 && softCap < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("a soft cap of " + softCap);
        }
        if (keyHeads < 1 || heads < 1 || heads % keyHeads != 0 || headSize < 1) {
            throw new IllegalArgumentException(
                    heads + " query heads cannot share " + keyHeads + " key heads of size " + headSize);
        }
        checkOffsets("query", queryOffsets);
        checkOffsets("key", keyOffsets);
        if (queryOffsets.length != keyOffsets.length) {
            throw new IllegalArgumentException(
                    "queries of " + (queryOffsets.length - 1) + " sequences, keys of " + (keyOffsets.length - 1));
        }
        for (int i = 0; i + 1 < queryOffsets.length; i++) {
            int queries = queryOffsets[i + 1] - queryOffsets[i];
            int keys = keyOffsets[i + 1] - keyOffsets[i];
            if (queries > 0 && keys < (causal ? queries : 1)) {
                throw new IllegalArgumentException("sequence " + i + " has " + queries + (causal ? " causal" : "")
                        + " queries but only " + keys + " keys");
            }
        }
    }

    /** Without a window and a soft cap. */
    public AttentionLayout(
            int[] queryOffsets, int[] keyOffsets, int heads, int keyHeads, int headSize, double scale, boolean causal) {
        this(queryOffsets, keyOffsets, heads, keyHeads, headSize, scale, causal, ALL, 0);
    }

    private static void checkOffsets(String what, int[] offsets) {
        boolean ascending = offsets.length > 0 && offsets[0] == 0;
        for (int i = 1; ascending && i < offsets.length; i++) {
            ascending = offsets[i - 1] <= offsets[i];
        }
        if (!ascending) {
            throw new IllegalArgumentException(what + " offsets must ascend from 0, not " + Arrays.toString(offsets));
        }
    }

    /** Self-attention over packed sequences. */
    public static AttentionLayout self(int[] offsets, int heads, int headSize, boolean causal) {
        return new AttentionLayout(offsets, offsets, heads, heads, headSize, 1 / Math.sqrt(headSize), causal);
    }

    /** The same keys for other queries. */
    public AttentionLayout withQueries(int[] offsets) {
        return new AttentionLayout(offsets, keyOffsets, heads, keyHeads, headSize, scale, causal, window, softCap);
    }

    /** Other keys for the same queries. */
    public AttentionLayout withKeys(int[] offsets) {
        return new AttentionLayout(queryOffsets, offsets, heads, keyHeads, headSize, scale, causal, window, softCap);
    }

    /** With so many keys more before those of each sequence. */
    public AttentionLayout withMoreKeys(int each) {
        int[] offsets = new int[keyOffsets.length];
        Arrays.setAll(offsets, s -> keyOffsets[s] + s * each);
        return withKeys(offsets);
    }

    public AttentionLayout withWindow(int keys) {
        return new AttentionLayout(queryOffsets, keyOffsets, heads, keyHeads, headSize, scale, causal, keys, softCap);
    }

    public AttentionLayout withSoftCap(double cap) {
        return new AttentionLayout(queryOffsets, keyOffsets, heads, keyHeads, headSize, scale, causal, window, cap);
    }

    /** The same attention in one sequence alone, of its last {@code queries} tokens to all of its {@code keys}. */
    public AttentionLayout ofOne(int queries, int keys) {
        return new AttentionLayout(
                new int[] {0, queries}, new int[] {0, keys}, heads, keyHeads, headSize, scale, causal, window, softCap);
    }

    public int sequences() {
        return queryOffsets.length - 1;
    }

    public int queryLength(int sequence) {
        return queryOffsets[sequence + 1] - queryOffsets[sequence];
    }

    public int keyLength(int sequence) {
        return keyOffsets[sequence + 1] - keyOffsets[sequence];
    }

    /** The first of its sequence's keys that a query sees; both are counted from the sequence's first. */
    public int firstKey(int sequence, int query) {
        return Math.max(0, endKey(sequence, query) - window);
    }

    /** One past the last of its sequence's keys that a query sees. */
    public int endKey(int sequence, int query) {
        int keys = keyLength(sequence);
        return causal ? keys - queryLength(sequence) + query + 1 : keys;
    }

    /** How many attention probabilities there are in all: the sum over sequences of heads x queries x keys. */
    public long probabilities() {
        long n = 0;
        for (int i = 0; i < sequences(); i++) {
            n += (long) heads * queryLength(i) * keyLength(i);
        }
        return n;
    }
}
