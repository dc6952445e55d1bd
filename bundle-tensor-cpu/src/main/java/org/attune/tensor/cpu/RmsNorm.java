package org.attune.tensor.cpu;

import java.util.Arrays;
import org.attune.tensor.engine.Storage;

/** Root mean square normalisation over rows, in plain loops: oneDNN's has no gradient. */
final class RmsNorm {
    private RmsNorm() {}

    static void forward(Worker w, Storage x, long gamma, int rows, int columns, double eps, Storage y, long rrms) {
        float[] scale = w.row(0, columns);
        float[] block = w.row(1, Worker.BLOCK * columns);
        float[] inverses = w.tile(0);
        w.load(gamma, scale, columns);
        for (int from = 0; from < rows; from += Worker.BLOCK) {
            int n = Math.min(Worker.BLOCK, rows - from);
            long at = (long) from * columns;
            w.load(x, at, block, n * columns);
            for (int i = 0; i < n; i++) {
                int row = i * columns;
                inverses[i] = (float) (1 / Math.sqrt(Sums.ofProducts(block, block, row, columns) / columns + eps));
                scale(block, row, inverses[i], scale, columns);
            }
            w.store(block, n * columns, y, at);
            w.store(inverses, n, rrms + (long) Float.BYTES * from);
        }
    }

    private static void scale(float[] block, int row, float inverse, float[] scale, int columns) {
        for (int j = 0; j < columns; j++) {
            block[row + j] = block[row + j] * inverse * scale[j];
        }
    }

    /**
     * With n = x rrms and g = dy gamma: {@code dx = rrms (g - n mean(g n))}.
     *
     * @param dx null where it is not wanted
     * @param dgamma 0 where it is not wanted
     */
    static void gradient(
            Worker w, Storage x, long gamma, long rrms, Storage dy, int rows, int columns, Storage dx, long dgamma) {
        float[] scale = w.row(0, columns);
        float[] normal = w.row(1, Worker.BLOCK * columns);
        float[] g = w.row(2, Worker.BLOCK * columns);
        float[] sum = w.row(3, columns);
        float[] inverses = w.tile(0);
        w.load(gamma, scale, columns);
        Arrays.fill(sum, 0, columns, 0);
        for (int from = 0; from < rows; from += Worker.BLOCK) {
            int n = Math.min(Worker.BLOCK, rows - from);
            long at = (long) from * columns;
            w.load(x, at, normal, n * columns);
            w.load(dy, at, g, n * columns);
            w.load(rrms + (long) Float.BYTES * from, inverses, n);
            for (int i = 0; i < n; i++) {
                int row = i * columns;
                multiply(normal, row, inverses[i], columns);
                if (dgamma != 0) {
                    addProducts(sum, g, normal, row, columns);
                }
                if (dx != null) {
                    multiply(g, row, scale, columns);
                    float mean = (float) (Sums.ofProducts(g, normal, row, columns) / columns);
                    project(g, normal, row, mean, inverses[i], columns);
                }
            }
            if (dx != null) {
                w.store(g, n * columns, dx, at);
            }
        }
        if (dgamma != 0) {
            w.store(sum, columns, dgamma);
        }
    }

    private static void multiply(float[] a, int row, float factor, int n) {
        for (int j = 0; j < n; j++) {
            a[row + j] *= factor;
        }
    }

    private static void multiply(float[] a, int row, float[] factors, int n) {
        for (int j = 0; j < n; j++) {
            a[row + j] *= factors[j];
        }
    }

    private static void addProducts(float[] sum, float[] a, float[] b, int row, int n) {
        for (int j = 0; j < n; j++) {
            sum[j] += a[row + j] * b[row + j];
        }
    }

    private static void project(float[] g, float[] normal, int row, float mean, float inverse, int n) {
        for (int j = 0; j < n; j++) {
            g[row + j] = inverse * (g[row + j] - normal[row + j] * mean);
        }
    }
}
