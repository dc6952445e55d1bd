package org.attune.model;

import java.util.Optional;
import org.attune.tensor.Tensor;

/** What an adapter does to the output of a block, a norm or an embedding. Called in every forward pass. */
@FunctionalInterface
public interface OutputTransform {
    /** @param output [tokens, width]; the result has the same shape */
    Tensor apply(Forward forward, Tensor output);

    /**
     * At an embedding: the table whose rows are what this makes of the rows of another; empty where there is none. Made in the open
     * scope.
     *
     * @param table [rows, width]
     */
    default Optional<Tensor> merged(Tensor table) {
        return Optional.empty();
    }
}
