package org.attune.model;

import java.util.function.UnaryOperator;
import org.attune.tensor.Tensor;

/**
 * The sum at the end of a sub-layer, of which all tensors have the rows that the layer computes [rows, hidden].
 *
 * @param x what enters the sub-layer; where a norm stands before it, the stream before that norm
 * @param z what the sub-layer gives, its last norm included where it ends in one
 * @param sum {@code x + z}
 * @param norm the block's own norm that follows the sum; the identity where none does
 */
public record Residual(Tensor x, Tensor z, Tensor sum, UnaryOperator<Tensor> norm) {
    /** What the block gives without adapters. */
    public Tensor normed() {
        return norm.apply(sum);
    }
}
