package org.attune.training;

/**
 * An example as a trainer reads it.
 *
 * @param example its index in the split
 * @param ids token ids; negative ones are virtual tokens, which an adapter has put before the others
 * @param types token type ids, as many
 * @param labels what the loss compares with: one class number for the whole sequence, or one label a token; empty where the
 *     example has none
 * @param padding how many ids at the end are padding, which the kernel puts there for an adapter that reads it
 */
public record Sample(long example, int[] ids, int[] types, int[] labels, int padding) {
    /** Without padding. */
    public Sample(long example, int[] ids, int[] types, int[] labels) {
        this(example, ids, types, labels, 0);
    }
}
