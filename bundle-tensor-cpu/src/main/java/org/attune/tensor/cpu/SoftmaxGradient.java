package org.attune.tensor.cpu;

/** {@code dx = y (dy - sum(y dy))} by rows, for processors that oneDNN has only its portable code for, ten times slower. */
final class SoftmaxGradient {
    private static final int LANES = 8;

    private SoftmaxGradient() {}

    /** @param y of float32, [rows, columns], as dy and dx, which may be the same memory */
    static void run(Worker w, long rows, int columns, long y, long dy, long dx) {
        int block = (int) Math.min(rows, Worker.BLOCK);
        float[] ys = w.row(0, block * columns);
        float[] dys = w.row(1, block * columns);
        for (long done = 0; done < rows; done += block) {
            int n = (int) Math.min(block, rows - done);
            long at = Float.BYTES * done * columns;
            w.load(y + at, ys, n * columns);
            w.load(dy + at, dys, n * columns);
            for (int i = 0; i < n; i++) {
                row(ys, dys, i * columns, (i + 1) * columns);
            }
            w.store(dys, n * columns, dx + at);
        }
    }

    private static void row(float[] y, float[] dy, int from, int to) {
        float sum = dot(y, dy, from, to);
        for (int i = from; i < to; i++) {
            dy[i] = y[i] * (dy[i] - sum);
        }
    }

    /** In sums of their own, which a processor adds to at once. */
    private static float dot(float[] x, float[] y, int from, int to) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        float s4 = 0;
        float s5 = 0;
        float s6 = 0;
        float s7 = 0;
        int i = from;
        for (; i <= to - LANES; i += LANES) {
            s0 += x[i] * y[i];
            s1 += x[i + 1] * y[i + 1];
            s2 += x[i + 2] * y[i + 2];
            s3 += x[i + 3] * y[i + 3];
            s4 += x[i + 4] * y[i + 4];
            s5 += x[i + 5] * y[i + 5];
            s6 += x[i + 6] * y[i + 6];
            s7 += x[i + 7] * y[i + 7];
        }
        for (; i < to; i++) {
            s0 += x[i] * y[i];
        }
        return s0 + s4 + (s1 + s5) + (s2 + s6 + (s3 + s7));
    }
}
