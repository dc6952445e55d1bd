package org.attune.tensor.cpu;

/** {@code dx = y (dy - sum(y dy))} by rows, for processors that oneDNN has only its portable code for, ten times slower. */
final class SoftmaxGradient {
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
        float sum = (float) Sums.ofProducts(y, dy, from, to - from);
        for (int i = from; i < to; i++) {
            dy[i] = y[i] * (dy[i] - sum);
        }
    }
}
