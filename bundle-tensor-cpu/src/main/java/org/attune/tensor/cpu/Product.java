package org.attune.tensor.cpu;

import org.attune.tensor.DType;

/**
 * The form of matrix products {@code c = alpha a b (+ bias) (+ c)}: {@code batch} of them, a [m, k], b [k, n], c [m, n]. Strides
 * are in elements; the columns of c are dense.
 *
 * @param bias whether a row [n] of float32 is added
 * @param add whether the old content of c is
 */
record Product(
        int batch,
        int m,
        int n,
        int k,
        Layout aLayout,
        Layout bLayout,
        long cBatch,
        long cRow,
        DType a,
        DType b,
        DType c,
        boolean bias,
        float alpha,
        boolean add) {

    /** How a matrix lies. */
    record Layout(long batch, long row, long column) {
        /** In blocks, as {@link WeightCopies.Layout#PACKED} lays them. */
        static final Layout PACKED = new Layout(0, 0, 0);

        /** One dense matrix of so many columns. */
        static Layout dense(long columns) {
            return new Layout(0, columns, 1);
        }

        /** The transpose of one dense matrix that has so many columns as it lies. */
        static Layout transposed(long columns) {
            return new Layout(0, 1, columns);
        }

        Layout swapped() {
            return new Layout(batch, column, row);
        }
    }
}
