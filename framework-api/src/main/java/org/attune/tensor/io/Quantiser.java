package org.attune.tensor.io;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Quantises matrices as bitsandbytes does, to the bit, but for the order in which it sums a mean. */
public final class Quantiser {
    /** Stands in for an absmax of 0, so that nothing is divided by it. */
    private static final float TINY = 1e-38f;

    private Quantiser() {}

    /**
     * Whether a matrix can be quantised: in {@link BlockType#INT8} a row is a whole number of blocks.
     *
     * @param columns of the matrix
     */
    public static boolean takes(BlockType type, int columns) {
        return switch (type) {
            case NF4, NF4_DOUBLE -> true;
            case INT8 -> columns % type.elements() == 0;
            case Q8_0, Q4_1 -> false;
        };
    }

    /**
     * The blocks of a matrix, little-endian, the last one filled up.
     *
     * @param x [rows, columns]
     * @throws IllegalArgumentException if {@link #takes} says no
     */
    public static ByteBuffer quantise(BlockType type, float[] x, int columns) {
        if (!takes(type, columns)) {
            throw new IllegalArgumentException("rows of " + columns + " numbers are not quantised to " + type);
        }
        ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(type.blocks(x.length) * type.bytes()))
                .order(ByteOrder.LITTLE_ENDIAN);
        if (type == BlockType.INT8) {
            int8(x, columns, out);
        } else {
            float[] absmax = new float[(x.length + NormalFloat.GROUP - 1) / NormalFloat.GROUP];
            for (int i = 0; i < absmax.length; i++) {
                absmax[i] = group(x, i * NormalFloat.GROUP, out, integers(type, i));
                if (type == BlockType.NF4) {
                    out.putFloat(type.bytes() * i, absmax[i]);
                }
            }
            if (type == BlockType.NF4_DOUBLE) {
                twice(absmax, out);
            }
        }
        return out;
    }

    /** Where the integers of the {@code i}th group lie. */
    private static int integers(BlockType type, int i) {
        int groups = type.elements() / type.group();
        return type.bytes() * (i / groups) + type.headerBytes() + type.integerBytes(type.group()) * (i % groups);
    }

    /** Writes the codes of a group, and gives its absmax. */
    private static float group(float[] x, int from, ByteBuffer out, int at) {
        int n = Math.min(NormalFloat.GROUP, x.length - from);
        boolean whole = n == NormalFloat.GROUP;
        float absmax = largest(x, from, n);
        if (!whole) {
            absmax = Math.max(absmax, TINY);
        }
        float inverse = 1 / Math.max(absmax, TINY);
        for (int j = 0; j < NormalFloat.GROUP; j += 2) {
            int packed = 0;
            for (int k = j; k < j + 2; k++) {
                // bitsandbytes multiplies by the inverse in whole groups, and divides in the short one.
                int code = k >= n
                        ? NormalFloat.ZERO
                        : NormalFloat.code(whole ? x[from + k] * inverse : x[from + k] / absmax);
                packed = packed << 4 | code;
            }
            out.put(at + j / 2, (byte) packed);
        }
        return absmax;
    }

    private static float largest(float[] x, int from, int n) {
        float largest = 0;
        for (int j = from; j < from + n; j++) {
            largest = Math.max(largest, Math.abs(x[j]));
        }
        return largest;
    }

    /** Writes the headers of double quantisation. */
    private static void twice(float[] absmax, ByteBuffer out) {
        double sum = 0;
        for (float a : absmax) {
            sum += a;
        }
        float mean = (float) (sum / absmax.length);
        for (int i = 0; i < absmax.length; i++) {
            absmax[i] -= mean;
        }
        for (int from = 0; from < absmax.length; from += NormalFloat.GROUPS) {
            int n = Math.min(NormalFloat.GROUPS, absmax.length - from);
            float scale = largest(absmax, from, n);
            int at = from / NormalFloat.GROUPS * BlockType.NF4_DOUBLE.bytes();
            out.putFloat(at, mean);
            out.putFloat(at + 4, scale);
            float inverse = scale == 0 ? 0 : 1 / scale;
            for (int i = 0; i < n; i++) {
                out.put(at + 8 + i, NormalFloat.dynamicCode(absmax[from + i] * inverse));
            }
        }
    }

    private static void int8(float[] x, int columns, ByteBuffer out) {
        for (int row = 0; row < x.length; row += columns) {
            float absmax = largest(x, row, columns);
            float inverse = absmax == 0 ? 0 : 127 / absmax;
            for (int from = row; from < row + columns; from += BlockType.INT8.elements()) {
                out.putFloat(absmax);
                for (int j = 0; j < BlockType.INT8.elements(); j++) {
                    out.put((byte) Math.rint(x[from + j] * inverse));
                }
            }
        }
        out.flip();
    }
}
