package org.attune.tensor.nd4j;

import org.nd4j.linalg.api.ndarray.INDArray;

/** Rotary position embedding: each pair of elements, one in either half of a head, turns by its row's angle. */
final class Rotary {
    private Rotary() {}

    /**
     * @param x and out, dense [rows, heads * headSize], perhaps the same
     * @param cos and sin, [rows, 1, headSize/2]
     */
    static void turn(
            Call call, INDArray x, int rows, int heads, int headSize, INDArray cos, INDArray sin, INDArray out) {
        int half = headSize / 2;
        long[] shape = {rows, heads, half};
        long[] strides = {(long) heads * headSize, headSize, 1};
        INDArray first = Views.strided(x, 0, shape, strides);
        INDArray second = Views.strided(x, half, shape, strides);
        INDArray turnedFirst = call.scratch(shape);
        INDArray turnedSecond = call.scratch(shape);
        INDArray other = call.scratch(shape);
        Ops.mul(first, cos, turnedFirst);
        Ops.mul(second, sin, other);
        Ops.sub(turnedFirst, other, turnedFirst);
        Ops.mul(second, cos, turnedSecond);
        Ops.mul(first, sin, other);
        Ops.add(turnedSecond, other, turnedSecond);
        Views.strided(out, 0, shape, strides).assign(turnedFirst);
        Views.strided(out, half, shape, strides).assign(turnedSecond);
    }
}
