package org.attune.model;

import org.attune.tensor.Tensor;

/** What an adapter adds to a residual sum. Called in every forward pass, from several threads. */
@FunctionalInterface
public interface ResidualTransform {
    /** @return what is added to {@code x + z} [rows, hidden]; several adapters read the same, and all that they give is added */
    Tensor apply(Forward forward, Residual at);
}
