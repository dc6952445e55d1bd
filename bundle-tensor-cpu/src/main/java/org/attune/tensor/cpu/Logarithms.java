package org.attune.tensor.cpu;

import static org.attune.tensor.cpu.Worker.TILE;

import org.attune.tensor.cpu.KernelKey.RowOperation;

/** Logarithms in Java: oneDNN's, the one inside its log softmax too, are wrong by up to 5e-6, fifty roundings. */
final class Logarithms {
    private Logarithms() {}

    static void ofElements(Worker w, long x, long n, long out) {
        float[] tile = w.tile(0);
        for (long i = 0; i < n; i += TILE) {
            int length = (int) Math.min(TILE, n - i);
            w.load(x + Float.BYTES * i, tile, length);
            for (int j = 0; j < length; j++) {
                tile[j] = (float) Math.log(tile[j]);
            }
            w.store(tile, length, out + Float.BYTES * i);
        }
    }

    /** {@code (x - x_j) + log p_j} where p is the softmax and j its largest element, which keeps all digits. */
    static void ofSoftmax(Worker w, long x, int rows, int columns, long y) {
        w.kernel(KernelKey.rows(RowOperation.SOFTMAX, columns)).run(rows, x, y);
        for (int i = 0; i < rows; i++) {
            long row = (long) Float.BYTES * i * columns;
            int largest = largest(w, y + row, columns);
            float xj = w.loadOne(x + row + (long) Float.BYTES * largest);
            float logP = (float) Math.log(w.loadOne(y + row + (long) Float.BYTES * largest));
            float[] tile = w.tile(0);
            for (int c = 0; c < columns; c += TILE) {
                int n = Math.min(TILE, columns - c);
                w.load(x + row + (long) Float.BYTES * c, tile, n);
                for (int j = 0; j < n; j++) {
                    tile[j] = (tile[j] - xj) + logP;
                }
                w.store(tile, n, y + row + (long) Float.BYTES * c);
            }
        }
    }

    private static int largest(Worker w, long x, int n) {
        float[] tile = w.tile(0);
        int best = 0;
        float max = Float.NEGATIVE_INFINITY;
        for (int c = 0; c < n; c += TILE) {
            int length = Math.min(TILE, n - c);
            w.load(x + (long) Float.BYTES * c, tile, length);
            for (int j = 0; j < length; j++) {
                if (tile[j] > max) {
                    max = tile[j];
                    best = c + j;
                }
            }
        }
        return best;
    }
}
