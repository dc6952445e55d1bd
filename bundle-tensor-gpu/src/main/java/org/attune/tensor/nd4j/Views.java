package org.attune.tensor.nd4j;

import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Arrays over memory that is there already. */
final class Views {
    private Views() {}

    static INDArray rowMajor(DataBuffer buffer, long... shape) {
        return Nd4j.create(buffer, shape, rowMajorStrides(shape), 0, 'c');
    }

    /** The same elements in another shape. */
    static INDArray reshaped(INDArray dense, long... shape) {
        return rowMajor(dense.data(), shape);
    }

    /** Any elements of a dense array: the first is at {@code offset}; strides count elements. */
    static INDArray strided(INDArray dense, long offset, long[] shape, long[] strides) {
        DataBuffer buffer = dense.data();
        if (offset == 0 || buffer.originalDataBuffer() == null) {
            return Nd4j.create(buffer, shape, strides, offset, 'c');
        }
        // A view of a view begins at the wrong element in ND4J, so it is taken of the whole.
        return Nd4j.create(buffer.originalDataBuffer(), shape, strides, buffer.originalOffset() + offset, 'c');
    }

    static long[] rowMajorStrides(long... shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return strides;
    }
}
