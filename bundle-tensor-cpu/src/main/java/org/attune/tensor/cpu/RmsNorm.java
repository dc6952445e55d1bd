package org.attune.tensor.cpu;

import java.util.Arrays;

/** Root mean square normalisation over rows, in plain loops: oneDNN's has no gradient. */
final class RmsNorm {
    private RmsNorm() {}

    static void forward(Worker w, long x, long gamma, int rows, int columns, double eps, long y, long rrms) {
        float[] row = w.row(0, columns);
        float[] scale = w.row(1, columns);
        w.load(gamma, scale, columns);
        for (int i = 0; i < rows; i++) {
            long at = (long) Float.BYTES * i * columns;
            w.load(x + at, row, columns);
            float inverse = (float) (1 / Math.sqrt(dot(row, row, columns) / columns + eps));
            for (int j = 0; j < columns; j++) {
                row[j] = row[j] * inverse * scale[j];
            }
            w.store(row, columns, y + at);
            w.storeOne(inverse, rrms + (long) Float.BYTES * i);
        }
    }

    /** With n = x rrms and g = dy gamma: {@code dx = rrms (g - n mean(g n))}. */
    static void gradient(
            Worker w, long x, long gamma, long rrms, long dy, int rows, int columns, long dx, long dgamma) {
        float[] normal = w.row(0, columns);
        float[] scale = w.row(1, columns);
        float[] g = w.row(2, columns);
        float[] sum = w.row(3, columns);
        w.load(gamma, scale, columns);
        Arrays.fill(sum, 0, columns, 0);
        for (int i = 0; i < rows; i++) {
            long at = (long) Float.BYTES * i * columns;
            w.load(x + at, normal, columns);
            w.load(dy + at, g, columns);
            float inverse = w.loadOne(rrms + (long) Float.BYTES * i);
            for (int j = 0; j < columns; j++) {
                normal[j] *= inverse;
            }
            if (dgamma != 0) {
                for (int j = 0; j < columns; j++) {
                    sum[j] += g[j] * normal[j];
                }
            }
            if (dx != 0) {
                for (int j = 0; j < columns; j++) {
                    g[j] *= scale[j];
                }
                float mean = (float) (dot(g, normal, columns) / columns);
                for (int j = 0; j < columns; j++) {
                    g[j] = inverse * (g[j] - normal[j] * mean);
                }
                w.store(g, columns, dx + at);
            }
        }
        if (dgamma != 0) {
            w.store(sum, columns, dgamma);
        }
    }

    /** In eight chains, which a core adds side by side. */
    private static double dot(float[] a, float[] b, int n) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        float s4 = 0;
        float s5 = 0;
        float s6 = 0;
        float s7 = 0;
        int i = 0;
        for (; i + 8 <= n; i += 8) {
            s0 += a[i] * b[i];
            s1 += a[i + 1] * b[i + 1];
            s2 += a[i + 2] * b[i + 2];
            s3 += a[i + 3] * b[i + 3];
            s4 += a[i + 4] * b[i + 4];
            s5 += a[i + 5] * b[i + 5];
            s6 += a[i + 6] * b[i + 6];
            s7 += a[i + 7] * b[i + 7];
        }
        for (; i < n; i++) {
            s0 += a[i] * b[i];
        }
        return (double) s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
    }
}
