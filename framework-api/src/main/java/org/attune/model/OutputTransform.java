package org.attune.model;

import org.attune.tensor.Tensor;

/** What an adapter does to the output of a block, a norm or an embedding. Called in every forward pass. */
@FunctionalInterface
public interface OutputTransform {
    /** @param output [tokens, width]; the result has the same shape */
    Tensor apply(Forward forward, Tensor output);
}
