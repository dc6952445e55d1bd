package org.attune.model;

import java.util.function.UnaryOperator;
import org.attune.tensor.Tensor;

/**
 * A stretch of a model that computes hidden states from the hidden states before it: the embedding, one layer. Its result depends
 * on its input, on the batch and on what {@link Forward} gives, and on nothing else: the kernel may compute it again, or leave it
 * out where it has kept its result.
 *
 * @param path of the module; whatever is trained or adapted inside has a path that begins with it
 * @param rows the tokens of the batch that the result has rows for, ascending; null for all
 * @param body takes the result of the stage before, null in the first stage
 */
public record Stage(String path, int[] rows, UnaryOperator<Tensor> body) {
    /** A stage whose result has a row for each token. */
    public static Stage of(String path, UnaryOperator<Tensor> body) {
        return new Stage(path, null, body);
    }
}
