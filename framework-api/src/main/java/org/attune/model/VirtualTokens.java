package org.attune.model;

import org.attune.tensor.Tensor;

/** Tokens that an adapter puts before those of each sequence: vectors of its own in place of rows of the embedding. */
public interface VirtualTokens {
    /** How many; the same each time. */
    int count();

    /**
     * Called in every forward pass, from several threads.
     *
     * @return [count, width of the embedding]
     */
    Tensor rows(Forward forward);
}
