package org.attune.tensor.nd4j;

import org.attune.tensor.engine.Matmul;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Matrix products. BLAS and cuBLAS write columns, our storages hold rows, so every product is asked for as its transpose,
 * {@code out^T = b^T a^T}: the transpose of a row-major matrix is a column-major one in place.
 */
final class Products {
    /**
     * A stack of matrices in the memory of a dense array.
     *
     * @param batchStride from one matrix to the next; 0 repeats one
     */
    record Stack(
            INDArray memory,
            long offset,
            int batch,
            long batchStride,
            long rows,
            long columns,
            long rowStride,
            long columnStride) {

        /** Dense matrices, one after the other. */
        static Stack of(INDArray memory, int batch, long rows, long columns) {
            return new Stack(memory, 0, batch, rows * columns, rows, columns, columns, 1);
        }

        Stack transpose() {
            return new Stack(memory, offset, batch, batchStride, columns, rows, columnStride, rowStride);
        }

        private INDArray array() {
            return batch == 1
                    ? Views.strided(memory, offset, new long[] {rows, columns}, new long[] {rowStride, columnStride})
                    : Views.strided(memory, offset, new long[] {batch, rows, columns}, new long[] {
                        batchStride, rowStride, columnStride
                    });
        }
    }

    private Products() {}

    /** {@code out = alpha a b + beta out} for each matrix of the stacks; none may be empty. */
    static void multiply(double alpha, Stack a, Stack b, double beta, Stack out) {
        DynamicCustomOp op = new DynamicCustomOp(
                "matmul",
                new INDArray[] {b.transpose().array(), a.transpose().array()},
                new INDArray[] {out.transpose().array()});
        op.addIArgument(0, 0, 0);
        op.addTArgument(alpha, beta);
        Nd4j.exec(op);
    }

    static void multiply(Matmul form, INDArray a, INDArray b, INDArray out) {
        // One matrix b for all: their rows are the rows of one product.
        boolean merged = form.sharedB() && !form.transposeA();
        int batch = merged ? 1 : form.batch();
        int m = merged ? form.batch() * form.m() : form.m();
        Stack as = form.transposeA() ? Stack.of(a, batch, form.k(), m).transpose() : Stack.of(a, batch, m, form.k());
        Stack bs = form.transposeB()
                ? Stack.of(b, batch, form.n(), form.k()).transpose()
                : Stack.of(b, batch, form.k(), form.n());
        if (form.sharedB()) {
            bs = new Stack(b, 0, batch, 0, bs.rows(), bs.columns(), bs.rowStride(), bs.columnStride());
        }
        multiply(form.alpha(), as, bs, form.beta(), Stack.of(out, batch, m, form.n()));
    }

    /** The sum of the rows of {@code x} [rows, columns], as a product with ones: three times as fast as ND4J's sum. */
    static void sumRows(Call call, INDArray x, INDArray out) {
        long rows = x.size(0);
        long columns = x.size(1);
        INDArray ones = call.scratch(1, rows);
        ones.assign(1);
        multiply(1, Stack.of(ones, 1, 1, rows), Stack.of(x, 1, rows, columns), 0, Stack.of(out, 1, 1, columns));
    }
}
