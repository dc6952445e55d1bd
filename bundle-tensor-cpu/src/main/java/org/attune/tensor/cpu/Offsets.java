package org.attune.tensor.cpu;

/** Walks over all indices of some axes in row-major order, with the offsets of two arrays there. */
final class Offsets {
    private final int[] dims;
    private final long[] strides1;
    private final long[] strides2;
    private final int[] index;
    private long first;
    private long second;

    Offsets(int[] dims, long[] strides1, long[] strides2) {
        this.dims = dims;
        this.strides1 = strides1;
        this.strides2 = strides2;
        this.index = new int[dims.length];
    }

    long first() {
        return first;
    }

    long second() {
        return second;
    }

    /** Goes on to the next index; false after the last one. */
    boolean next() {
        for (int i = dims.length - 1; i >= 0; i--) {
            first += strides1[i];
            second += strides2[i];
            if (++index[i] < dims[i]) {
                return true;
            }
            first -= strides1[i] * dims[i];
            second -= strides2[i] * dims[i];
            index[i] = 0;
        }
        return false;
    }
}
