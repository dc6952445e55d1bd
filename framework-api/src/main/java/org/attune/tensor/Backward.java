package org.attune.tensor;

/** The gradient of an operation: from the gradient of its output to those of its inputs. */
@FunctionalInterface
public interface Backward {
    /**
     * @param dy gradient of the loss with respect to the output, of the output's shape
     * @param inputs takes the gradient of each input
     */
    void apply(Tensor dy, InputGradients inputs);

    /** Where a {@link Backward} puts its results. */
    interface InputGradients {
        /** Whether input {@code i} needs a gradient; computing one that is not needed is wasted work. */
        boolean needed(int i);

        /**
         * The gradient of input {@code i} so far, to which the operation may add in place instead of calling {@link #add}: that
         * of a parameter, or what another operation has contributed. Otherwise null.
         */
        Tensor accumulator(int i);

        /** Whether nobody else reads {@code dy} afterwards, so that it may be overwritten and passed to {@link #add}. */
        boolean expendable();

        /**
         * Adds {@code gradient}, of input {@code i}'s shape and of any type. The tensor is taken over: it must be made for this purpose, or
         * be {@code dy} itself. One tensor may be added to several inputs.
         */
        void add(int i, Tensor gradient);
    }
}
