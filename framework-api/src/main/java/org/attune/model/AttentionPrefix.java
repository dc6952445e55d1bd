package org.attune.model;

import org.attune.tensor.Tensor;

/**
 * Keys and values that an adapter puts before those of each sequence in an attention. All queries see them, but for those that a
 * sliding window keeps from it: it counts them as so many tokens before the first.
 */
public interface AttentionPrefix {
    /** How many keys, as many values, for a sequence; the same each time. */
    int length();

    /**
     * Called in every forward pass, from several threads.
     *
     * @param x what the attention's own queries, keys and values are made of [tokens, hidden]
     */
    KeysAndValues of(Forward forward, Tensor x);

    /**
     * As the attention takes them, so that no position is turned into them any more.
     *
     * @param keys and values [length, keyHeads * headSize] for all sequences alike, or one after another for each of them
     *     [sequences * length, keyHeads * headSize]
     */
    record KeysAndValues(Tensor keys, Tensor values) {}
}
