package org.attune.tensor.reference;

/** Walks an index over {@code dims} in row-major order, and with it a position given by strides. */
final class StridedIndex {
    private final int[] dims;
    private final int[] strides;
    private final int[] index;
    private int position;

    StridedIndex(int[] dims, int[] strides) {
        this.dims = dims;
        this.strides = strides;
        this.index = new int[dims.length];
    }

    int position() {
        return position;
    }

    void next() {
        for (int axis = dims.length - 1; axis >= 0; axis--) {
            position += strides[axis];
            if (++index[axis] < dims[axis]) {
                return;
            }
            position -= strides[axis] * dims[axis];
            index[axis] = 0;
        }
    }
}
