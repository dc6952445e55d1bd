package org.attune.tensor.reference;

/** Kernels over one row of numbers. */
final class Rows {
    private Rows() {}

    static double logSumExp(double[] x, int xo, int n) {
        double max = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, x[xo + i]);
        }
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += Math.exp(x[xo + i] - max);
        }
        return max + Math.log(sum);
    }

    static void softmax(double[] x, int xo, int n, double[] y, int yo) {
        double norm = logSumExp(x, xo, n);
        for (int i = 0; i < n; i++) {
            y[yo + i] = Math.exp(x[xo + i] - norm);
        }
    }

    /** dx = y (dy - sum(y dy)). */
    static void softmaxGrad(double[] y, int yo, double[] dy, int go, int n, double[] dx, int xo) {
        double dot = 0;
        for (int i = 0; i < n; i++) {
            dot += y[yo + i] * dy[go + i];
        }
        for (int i = 0; i < n; i++) {
            dx[xo + i] = y[yo + i] * (dy[go + i] - dot);
        }
    }
}
