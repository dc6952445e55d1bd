package org.attune.tensor.nd4j;

import java.util.Arrays;
import org.attune.tensor.engine.Binary;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Two-argument functions of operands with strides, a stride of 0 repeating an operand along an axis. */
final class Broadcasting {
    private final long[] dims;
    private final long[] aStrides;
    private final long[] bStrides;

    /** Axes of size 1 are dropped, and axes that are one run in both operands are merged: ND4J is slow on many. */
    Broadcasting(int[] dims, int[] aStrides, int[] bStrides) {
        long[] merged = new long[dims.length];
        long[] as = new long[dims.length];
        long[] bs = new long[dims.length];
        int rank = 0;
        for (int i = 0; i < dims.length; i++) {
            if (dims[i] == 1) {
                continue;
            }
            boolean continues = rank > 0
                    && as[rank - 1] == (long) aStrides[i] * dims[i]
                    && bs[rank - 1] == (long) bStrides[i] * dims[i];
            int at = continues ? rank - 1 : rank++;
            merged[at] = continues ? merged[at] * dims[i] : dims[i];
            as[at] = aStrides[i];
            bs[at] = bStrides[i];
        }
        this.dims = rank == 0 ? new long[] {1} : Arrays.copyOf(merged, rank);
        this.aStrides = Arrays.copyOf(as, this.dims.length);
        this.bStrides = Arrays.copyOf(bs, this.dims.length);
    }

    /** @param out dense */
    void apply(Binary op, INDArray a, INDArray b, INDArray out) {
        INDArray y = Views.reshaped(out, dims);
        INDArray first = operand(a, aStrides);
        INDArray second = operand(b, bStrides);
        if (repeatsBoth()) { // ND4J's broadcasting takes each axis' size from one of the operands
            y.assign(0);
            Ops.add(y, first, y);
            first = y;
        }
        switch (op) {
            case ADD -> Ops.add(first, second, y);
            case SUB -> Ops.sub(first, second, y);
            case MUL -> Ops.mul(first, second, y);
            case DIV -> Ops.div(first, second, y);
        }
    }

    private INDArray operand(INDArray memory, long[] strides) {
        long[] shape = dims.clone();
        long[] steps = strides.clone();
        for (int i = 0; i < shape.length; i++) {
            if (strides[i] == 0) {
                shape[i] = 1;
                steps[i] = 1;
            }
        }
        return Views.strided(memory, 0, shape, steps);
    }

    private boolean repeatsBoth() {
        for (int i = 0; i < dims.length; i++) {
            if (dims[i] > 1 && aStrides[i] == 0 && bStrides[i] == 0) {
                return true;
            }
        }
        return false;
    }
}
