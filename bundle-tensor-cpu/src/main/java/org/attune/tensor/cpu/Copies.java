package org.attune.tensor.cpu;

import static org.attune.tensor.cpu.Worker.TILE;

import java.util.Arrays;
import org.attune.tensor.DType;

/** Movements of elements. */
final class Copies {
    /** Side of the blocks in which a matrix is transposed. */
    private static final int BLOCK = 32;

    private Copies() {}

    /** Strides and length are in bytes. */
    static void blocks(Worker w, long x, long xStride, long out, long outStride, long length, long count) {
        if (xStride == length && outStride == length) {
            w.copyBytes(x, out, length * count);
            return;
        }
        for (long i = 0; i < count; i++) {
            w.copyBytes(x + i * xStride, out + i * outStride, length);
        }
    }

    /** See {@link org.attune.tensor.engine.TensorEngine#permute}. */
    static void permute(Worker w, long x, int[] dims, int[] axes, long out) {
        long[] xStrides = strides(dims);
        int[] outDims = new int[axes.length];
        long[] from = new long[axes.length];
        int n = 0;
        for (int axis : axes) {
            if (dims[axis] == 1) {
                continue;
            }
            if (n > 0 && from[n - 1] == xStrides[axis] * dims[axis]) {
                outDims[n - 1] *= dims[axis];
                from[n - 1] = xStrides[axis];
            } else {
                outDims[n] = dims[axis];
                from[n++] = xStrides[axis];
            }
        }
        if (n == 0) {
            w.copy(x, out, 1);
            return;
        }
        outDims = Arrays.copyOf(outDims, n);
        from = Arrays.copyOf(from, n);
        long[] to = strides(outDims);
        int last = n - 1;
        int dense = 0; // the axis of out along which x is dense
        while (from[dense] != 1) {
            dense++;
        }
        if (dense == last) {
            Offsets offsets = new Offsets(Arrays.copyOf(outDims, last), from, to);
            do {
                w.copy(x + Float.BYTES * offsets.first(), out + Float.BYTES * offsets.second(), outDims[last]);
            } while (offsets.next());
            return;
        }
        Offsets offsets = new Offsets(without(outDims, dense), without(from, dense), without(to, dense));
        do {
            transpose(
                    w,
                    x + Float.BYTES * offsets.first(),
                    from[last],
                    outDims[last],
                    outDims[dense],
                    out + Float.BYTES * offsets.second(),
                    to[dense]);
        } while (offsets.next());
    }

    /** {@code out[j, i] = x[i, j]}; rows of {@code x} and of {@code out} lie their strides apart. */
    private static void transpose(Worker w, long x, long xStride, int rows, int columns, long out, long outStride) {
        float[] block = w.tile(0);
        float[] transposed = w.tile(1);
        for (int i = 0; i < rows; i += BLOCK) {
            int height = Math.min(BLOCK, rows - i);
            for (int j = 0; j < columns; j += BLOCK) {
                int width = Math.min(BLOCK, columns - j);
                for (int r = 0; r < height; r++) {
                    w.load(x + Float.BYTES * ((i + r) * xStride + j), block, r * BLOCK, width);
                }
                for (int c = 0; c < width; c++) {
                    for (int r = 0; r < height; r++) {
                        transposed[c * BLOCK + r] = block[r * BLOCK + c];
                    }
                }
                for (int c = 0; c < width; c++) {
                    w.store(transposed, c * BLOCK, height, out + Float.BYTES * ((j + c) * outStride + i));
                }
            }
        }
    }

    private static long[] strides(int[] dims) {
        long[] strides = new long[dims.length];
        long stride = 1;
        for (int i = dims.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= dims[i];
        }
        return strides;
    }

    /** All but the last entry and entry {@code i}. */
    private static int[] without(int[] a, int i) {
        int[] rest = new int[a.length - 2];
        System.arraycopy(a, 0, rest, 0, i);
        System.arraycopy(a, i + 1, rest, i, rest.length - i);
        return rest;
    }

    private static long[] without(long[] a, int i) {
        long[] rest = new long[a.length - 2];
        System.arraycopy(a, 0, rest, 0, i);
        System.arraycopy(a, i + 1, rest, i, rest.length - i);
        return rest;
    }

    static void gather(Worker w, long table, DType type, int columns, int[] rows, long out, DType outType) {
        long row = (long) type.bytes() * columns;
        long outRow = (long) outType.bytes() * columns;
        for (int i = 0; i < rows.length; i++) {
            w.convert(table + row * rows[i], type, out + outRow * i, outType, columns);
        }
    }

    static void scatterAdd(Worker w, long x, int columns, int[] rows, long out) {
        for (int i = 0; i < rows.length; i++) {
            for (int c = 0; c < columns; c += TILE) {
                long from = x + Float.BYTES * ((long) columns * i + c);
                long to = out + Float.BYTES * ((long) columns * rows[i] + c);
                addTo(w, from, to, Math.min(TILE, columns - c));
            }
        }
    }

    private static void addTo(Worker w, long from, long to, int n) {
        float[] added = w.tile(0);
        float[] sum = w.tile(1);
        w.load(from, added, n);
        w.load(to, sum, n);
        for (int i = 0; i < n; i++) {
            sum[i] += added[i];
        }
        w.store(sum, n, to);
    }
}
