package org.attune.tensor.cpu;

/**
 * What distinguishes kernels.
 *
 * @param operation a {@link org.attune.tensor.engine.Unary}, {@link org.attune.tensor.engine.Binary} or {@link RowOperation}
 * @param gradient the backward one
 * @param columns 0 for one that runs over elements, else over rows of so many
 * @param epsilon of a normalisation
 */
record KernelKey(Enum<?> operation, boolean gradient, int columns, float epsilon) {
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

    static KernelKey elements(Enum<?> operation) {
        return new KernelKey(operation, false, 0, 0);
    }

    static KernelKey elementsGradient(Enum<?> operation) {
        return new KernelKey(operation, true, 0, 0);
    }

    static KernelKey rows(Enum<?> operation, int columns) {
        return new KernelKey(operation, false, columns, 0);
    }

    static KernelKey rowsGradient(Enum<?> operation, int columns) {
        return new KernelKey(operation, true, columns, 0);
    }
}
