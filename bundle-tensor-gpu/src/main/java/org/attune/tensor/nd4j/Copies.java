package org.attune.tensor.nd4j;

import org.nd4j.linalg.api.ndarray.INDArray;

/** Copies between arrangements of elements; between types they convert. Every array is one dense row. */
final class Copies {
    private Copies() {}

    static void blocks(
            INDArray x,
            long xOffset,
            long xStride,
            INDArray out,
            long outOffset,
            long outStride,
            long length,
            long count) {
        if (xStride < 0 || outStride < 0) { // ND4J has no such arrays
            for (long i = 0; i < count; i++) {
                blocks(x, xOffset + i * xStride, 0, out, outOffset + i * outStride, 0, length, 1);
            }
            return;
        }
        long[] shape = {count, length};
        Views.strided(out, outOffset, shape, new long[] {outStride, 1})
                .assign(Views.strided(x, xOffset, shape, new long[] {xStride, 1}));
    }

    static void permute(INDArray x, int[] dims, int[] axes, INDArray out) {
        long[] shape = new long[dims.length];
        for (int i = 0; i < dims.length; i++) {
            shape[i] = dims[i];
        }
        long[] xStrides = Views.rowMajorStrides(shape);
        long[] outShape = new long[dims.length];
        long[] strides = new long[dims.length];
        for (int i = 0; i < dims.length; i++) {
            outShape[i] = shape[axes[i]];
            strides[i] = xStrides[axes[i]];
        }
        Views.reshaped(out, outShape).assign(Views.strided(x, 0, outShape, strides));
    }
}
