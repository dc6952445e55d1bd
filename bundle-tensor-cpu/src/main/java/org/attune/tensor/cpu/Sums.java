package org.attune.tensor.cpu;

import static org.attune.tensor.cpu.Worker.TILE;

import org.attune.tensor.cpu.Worker.Scratch;

/** Sums along an axis, as matrix products with ones. */
final class Sums {
    /** The longest run that is summed in float32; its partial sums are added in float64. */
    private static final int RUN = 4096;

    private Sums() {}

    /** {@code out[o, i] = sum over n of x[o, n, i]}. */
    static void sum(Worker w, long x, int outer, int n, int inner, long out) {
        if (outer == 0 || inner == 0) {
            return;
        }
        if (n == 0) {
            w.zero(out, (long) outer * inner);
        } else if (inner > 1) {
            long ones = w.ones(n);
            for (int o = 0; o < outer; o++) {
                long block = x + Float.BYTES * ((long) o * n * inner);
                long sums = out + (long) Float.BYTES * o * inner;
                w.gemm(false, false, 1, inner, n, 1, ones, n, block, inner, 0, sums, inner);
            }
        } else if (n <= RUN) {
            w.gemm(false, false, outer, 1, n, 1, x, n, w.ones(n), 1, 0, out, 1);
        } else {
            for (int o = 0; o < outer; o++) {
                w.storeOne((float) longSum(w, x + (long) Float.BYTES * o * n, n), out + (long) Float.BYTES * o);
            }
        }
    }

    private static double longSum(Worker w, long x, int n) {
        int runs = n / RUN;
        long partial = w.scratch(Scratch.ROWS, runs + 1);
        long ones = w.ones(RUN);
        w.gemm(false, false, runs, 1, RUN, 1, x, RUN, ones, 1, 0, partial, 1);
        int rest = n - runs * RUN;
        if (rest > 0) {
            long at = x + (long) Float.BYTES * runs * RUN;
            w.gemm(false, false, 1, 1, rest, 1, at, rest, ones, 1, 0, partial + (long) Float.BYTES * runs, 1);
        }
        int count = rest > 0 ? runs + 1 : runs;
        double sum = 0;
        float[] tile = w.tile(0);
        for (int i = 0; i < count; i += TILE) {
            int length = Math.min(TILE, count - i);
            w.load(partial + (long) Float.BYTES * i, tile, length);
            for (int j = 0; j < length; j++) {
                sum += tile[j];
            }
        }
        return sum;
    }

    /** Accumulated in float64, in eight sums by turns so that the additions need not wait for each other. */
    static double ofSquares(Worker w, long x, long n) {
        float[] tile = w.tile(0);
        double[] sums = new double[8];
        for (long i = 0; i < n; i += TILE) {
            int length = (int) Math.min(TILE, n - i);
            w.load(x + Float.BYTES * i, tile, length);
            addSquares(tile, length, sums);
        }
        return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    }

    private static void addSquares(float[] x, int n, double[] sums) {
        double s0 = sums[0];
        double s1 = sums[1];
        double s2 = sums[2];
        double s3 = sums[3];
        double s4 = sums[4];
        double s5 = sums[5];
        double s6 = sums[6];
        double s7 = sums[7];
        int i = 0;
        for (; i + 8 <= n; i += 8) {
            s0 += (double) x[i] * x[i];
            s1 += (double) x[i + 1] * x[i + 1];
            s2 += (double) x[i + 2] * x[i + 2];
            s3 += (double) x[i + 3] * x[i + 3];
            s4 += (double) x[i + 4] * x[i + 4];
            s5 += (double) x[i + 5] * x[i + 5];
            s6 += (double) x[i + 6] * x[i + 6];
            s7 += (double) x[i + 7] * x[i + 7];
        }
        for (; i < n; i++) {
            s0 += (double) x[i] * x[i];
        }
        sums[0] = s0;
        sums[1] = s1;
        sums[2] = s2;
        sums[3] = s3;
        sums[4] = s4;
        sums[5] = s5;
        sums[6] = s6;
        sums[7] = s7;
    }

    /** Of {@code n} products from the {@code row}th element of each on; in eight chains, which a core adds side by side. */
    static double ofProducts(float[] a, float[] b, int row, int n) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        float s4 = 0;
        float s5 = 0;
        float s6 = 0;
        float s7 = 0;
        int i = row;
        for (; i + 8 <= row + n; i += 8) {
            s0 += a[i] * b[i];
            s1 += a[i + 1] * b[i + 1];
            s2 += a[i + 2] * b[i + 2];
            s3 += a[i + 3] * b[i + 3];
            s4 += a[i + 4] * b[i + 4];
            s5 += a[i + 5] * b[i + 5];
            s6 += a[i + 6] * b[i + 6];
            s7 += a[i + 7] * b[i + 7];
        }
        for (; i < row + n; i++) {
            s0 += a[i] * b[i];
        }
        return (double) s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
    }
}
