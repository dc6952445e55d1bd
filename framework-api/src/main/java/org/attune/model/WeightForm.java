package org.attune.model;

import org.attune.tensor.DType;

/**
 * How a model's weights are held.
 *
 * @param matrices the type of weights of rank 2 and more, one of the engine's; vectors, which cost nothing and bear rounding badly,
 *     have the engine's own. Matrices in blocks count as of this type, though their numbers are not rounded to it
 * @param weights which matrices are held in blocks
 */
public record WeightForm(DType matrices, Weights weights) {
    /** All decoded into one type. */
    public static WeightForm decoded(DType matrices) {
        return new WeightForm(matrices, Weights.DECODED);
    }
}
