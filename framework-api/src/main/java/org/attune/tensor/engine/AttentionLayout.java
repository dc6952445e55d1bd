package org.attune.tensor.engine;

/**
 * Which rows attend to which: sequence {@code i} owns the query rows {@code [queryOffsets[i], queryOffsets[i+1])} and the
 * key and value rows {@code [keyOffsets[i], keyOffsets[i+1])} of the packed tensors, and never sees another sequence.
 *
 * @param queryOffsets ascending from 0, one more than there are sequences
 * @param keyOffsets the same for keys and values; the same array where queries and keys are the same tokens
 * @param heads query heads
 * @param keyHeads key and value heads; {@code heads / keyHeads} query heads share one (grouped-query attention)
 * @param headSize width of a head
 * @param scale factor of the scores before the softmax, usually {@code 1 / sqrt(headSize)}
 * @param causal a query sees only keys up to its own position, the last query being at the last key's position
 */
public record AttentionLayout(
        int[] queryOffsets, int[] keyOffsets, int heads, int keyHeads, int headSize, double scale, boolean causal) {

    /** Self-attention over packed sequences. */
    public static AttentionLayout self(int[] offsets, int heads, int headSize, boolean causal) {
        return new AttentionLayout(offsets, offsets, heads, heads, headSize, 1 / Math.sqrt(headSize), causal);
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

    /** How many attention probabilities there are in all: the sum over sequences of heads x queries x keys. */
    public long probabilities() {
        long n = 0;
        for (int i = 0; i < sequences(); i++) {
            n += (long) heads * queryLength(i) * keyLength(i);
        }
        return n;
    }
}
