package org.attune.tensor.cpu;

import org.attune.tensor.DType;

/**
 * What distinguishes kernels.
 *
 * @param operation a {@link org.attune.tensor.engine.Unary}, {@link org.attune.tensor.engine.Binary} or {@link RowOperation}
 * @param variant of the operation
 * @param type of the main operands; parameters and statistics are float32
 * @param columns 0 for one that runs over elements, else over rows of so many
 * @param epsilon of a normalisation
 */
record KernelKey(Enum<?> operation, Variant variant, DType type, int columns, float epsilon) {
    enum Variant {
        /** Forward; with columns, a binary operation takes the same second row for all rows. */
        PLAIN,
        /** Backward. */
        GRADIENT,
        /** A binary operation whose second operand is one number for each row. */
        BY_COLUMN,
        /** A binary operation whose second operand is one number. */
        BY_SCALAR
    }

    /** Operations that the engine's contract has no enum for. */
    enum RowOperation {
        /** {@code y = softmax(x)}; gradient {@code (y, dy, dx)}. */
        SOFTMAX,
        /**
         * Softmax of float32 scores to probabilities of the key's type, in one piece whatever the number of rows; gradient
         * {@code (y, dy, dx)} all of that type.
         */
        ATTENTION,
        /** Conversion from float32 to the key's type; as a gradient, back. */
        CONVERT,
        /** {@code (q, scale, out)}: {@code out = scale q} for rows of signed bytes q; rows of out begin 32 floats apart or more. */
        DECODE,
        /** {@code (y, dy, dx)}; there is no forward one, see {@link Logarithms}. */
        LOG_SOFTMAX_GRADIENT,
        /** {@code (x, y, mean, variance, gamma, beta)}; gradient {@code (x, mean, variance, dy gamma in float32, dx)}. */
        LAYER_NORM,
        /** Over elements, {@code (a, b, scale, out)}: {@code out = a + scale b}. */
        ADD_SCALED,
        /** Over elements, {@code (x, shift, scale, out)}: {@code out = scale x + shift}. */
        SCALE_AND_SHIFT
    }

    static KernelKey elements(Enum<?> operation, Variant variant, DType type) {
        return new KernelKey(operation, variant, type, 0, 0);
    }

    static KernelKey elements(Enum<?> operation, DType type) {
        return elements(operation, Variant.PLAIN, type);
    }

    /** Over float32. */
    static KernelKey elements(Enum<?> operation, Variant variant) {
        return elements(operation, variant, DType.FLOAT32);
    }

    /** Over float32. */
    static KernelKey elements(Enum<?> operation) {
        return elements(operation, Variant.PLAIN);
    }

    static KernelKey rows(Enum<?> operation, Variant variant, DType type, int columns) {
        return new KernelKey(operation, variant, type, columns, 0);
    }

    /** Over float32. */
    static KernelKey rows(Enum<?> operation, Variant variant, int columns) {
        return rows(operation, variant, DType.FLOAT32, columns);
    }

    /** Over float32. */
    static KernelKey rows(Enum<?> operation, int columns) {
        return rows(operation, Variant.PLAIN, columns);
    }
}
