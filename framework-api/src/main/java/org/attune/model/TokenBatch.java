package org.attune.model;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Sequences packed one after another, without padding unless an adapter asks for it.
 *
 * @param ids token ids of all sequences [tokens]; negative ones are virtual tokens, which an adapter has put before a sequence's own
 * @param types token type ids [tokens]
 * @param offsets where each sequence begins, and the end: ascending from 0 [sequences + 1]
 * @param examples a number that identifies the example of each sequence within its data [sequences]; dropout depends on it
 * @param padding how many tokens at the end of each sequence are padding, which no token sees [sequences]
 */
public record TokenBatch(int[] ids, int[] types, int[] offsets, long[] examples, int[] padding) {
    public TokenBatch {
        if (types.length != ids.length
                || examples.length + 1 != offsets.length
                || padding.length != examples.length
                || offsets[0] != 0
                || offsets[offsets.length - 1] != ids.length) {
            throw new IllegalArgumentException("offsets and ids of a packed batch do not fit");
        }
    }

    /** Sequences without padding. */
    public TokenBatch(int[] ids, int[] types, int[] offsets, long[] examples) {
        this(ids, types, offsets, examples, new int[examples.length]);
    }

    public int tokens() {
        return ids.length;
    }

    public int sequences() {
        return examples.length;
    }

    public int length(int sequence) {
        return offsets[sequence + 1] - offsets[sequence];
    }

    public boolean padded() {
        return IntStream.of(padding).anyMatch(n -> n > 0);
    }

    /** The rows of all tokens that are no padding. */
    public int[] textTokens() {
        return IntStream.range(0, sequences())
                .flatMap(s -> IntStream.range(offsets[s], offsets[s + 1] - padding[s]))
                .toArray();
    }

    /**
     * How some tokens are spread over the sequences, as {@link #offsets} says it of all.
     *
     * @param rows tokens of the batch, ascending
     */
    public int[] offsetsOf(int[] rows) {
        int[] some = new int[offsets.length];
        int i = 0;
        for (int s = 0; s < sequences(); s++) {
            while (i < rows.length && rows[i] < offsets[s + 1]) {
                i++;
            }
            some[s + 1] = i;
        }
        return some;
    }

    /** The position of each token in its sequence, from 0. */
    public int[] positions() {
        int[] positions = new int[ids.length];
        for (int s = 0; s < sequences(); s++) {
            for (int i = offsets[s]; i < offsets[s + 1]; i++) {
                positions[i] = i - offsets[s];
            }
        }
        return positions;
    }

    /** The row of the first token of each sequence. */
    public int[] firstTokens() {
        return Arrays.copyOf(offsets, sequences());
    }

    /** The row of the last token of each sequence. */
    public int[] lastTokens() {
        int[] last = new int[sequences()];
        Arrays.setAll(last, s -> offsets[s + 1] - 1);
        return last;
    }
}
