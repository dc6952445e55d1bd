package org.attune.tensor.cpu;

/**
 * What distinguishes kernels.
 *
 * @param operation a {@link org.attune.tensor.engine.Unary}, {@link org.attune.tensor.engine.Binary} or {@link RowOperation}
 * @param variant of the operation
 * @param columns 0 for one that runs over elements, else over rows of so many
 * @param epsilon of a normalisation
 */
record KernelKey(Enum<?> operation, Variant variant, int columns, float epsilon) {
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
        /** {@code (y, dy, dx)}; there is no forward one, see {@link Logarithms}. */
        LOG_SOFTMAX_GRADIENT,
        /** {@code (x, y, mean, variance, gamma, beta)}; gradient {@code (x, mean, variance, dy gamma, dx)}. */
        LAYER_NORM,
        /** Over elements, {@code (a, b, scale, out)}: {@code out = a + scale b}. */
        ADD_SCALED,
        /** Over elements, {@code (x, shift, scale, out)}: {@code out = scale x + shift}. */
        SCALE_AND_SHIFT
    }

    static KernelKey elements(Enum<?> operation, Variant variant) {
        return new KernelKey(operation, variant, 0, 0);
    }

    static KernelKey elements(Enum<?> operation) {
        return elements(operation, Variant.PLAIN);
    }

    static KernelKey rows(Enum<?> operation, Variant variant, int columns) {
        return new KernelKey(operation, variant, columns, 0);
    }

    static KernelKey rows(Enum<?> operation, int columns) {
        return rows(operation, Variant.PLAIN, columns);
    }
}
