package org.attune.peft;

import java.util.Arrays;
import java.util.List;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;

/**
 * Small rotation matrices from their free numbers, by Cayley's transform {@code R = (I - Q)(I + Q)^-1 = 2 (I + Q)^-1 - I} of
 * skew-symmetric matrices Q. Blocks are a few dozen wide, so that they are inverted here, in double precision, and not by an engine.
 */
final class Rotations {
    private Rotations() {}

    /**
     * @param free what stands above the diagonal of each Q, row by row [blocks, n (n - 1) / 2]
     * @param terms of the Neumann series in place of the inverse; 0 for the inverse
     * @return [blocks, n, n]
     */
    static Tensor of(Tensor free, int n, int terms) {
        Tensor q = skew(free, n);
        return terms == 0 ? inverse(q, n).mul(2).sub(identity(q, n)) : series(q, n, terms);
    }

    /** {@code I + 2 Q + 2 Q² + ... + Q^k}, the last power once, as PEFT truncates the series (k is terms - 1, at least 3 where Q² counts). */
    private static Tensor series(Tensor q, int n, int terms) {
        Tensor sum = identity(q, n);
        if (terms > 1) {
            sum = q.mul(2).add(sum);
        }
        if (terms > 2) {
            Tensor power = q.matmul(q);
            sum = sum.add(power.mul(2));
            for (int i = 3; i < terms - 1; i++) {
                power = power.matmul(q);
                sum = sum.add(power.mul(2));
            }
            sum = sum.add(power.matmul(q));
        }
        return sum;
    }

    private static Tensor identity(Tensor like, int n) {
        int blocks = like.shape().dim(0);
        double[] ones = new double[blocks * n * n];
        for (int i = 0; i < blocks * n; i++) {
            ones[i * n + i % n] = 1;
        }
        return Tensor.of(like.engine(), Shape.of(blocks, n, n), ones);
    }

    private static Tensor skew(Tensor free, int n) {
        return Tensor.custom(
                List.of(free),
                in -> Tensor.of(
                        free.engine(),
                        Shape.of(free.shape().dim(0), n, n),
                        skew(in.get(0).toDoubles(), n)),
                (dy, in) -> in.add(0, Tensor.of(free.engine(), free.shape(), aboveLessBelow(dy.toDoubles(), n))));
    }

    private static double[] skew(double[] free, int n) {
        double[] q = new double[free.length / (n * (n - 1) / 2) * n * n];
        int at = 0;
        for (int block = 0; block < q.length; block += n * n) {
            for (int i = 0; i < n; i++) {
                for (int j = i + 1; j < n; j++) {
                    q[block + i * n + j] = free[at];
                    q[block + j * n + i] = -free[at++];
                }
            }
        }
        return q;
    }

    private static double[] aboveLessBelow(double[] dq, int n) {
        double[] free = new double[dq.length / (n * n) * (n * (n - 1) / 2)];
        int at = 0;
        for (int block = 0; block < dq.length; block += n * n) {
            for (int i = 0; i < n; i++) {
                for (int j = i + 1; j < n; j++) {
                    free[at++] = dq[block + i * n + j] - dq[block + j * n + i];
                }
            }
        }
        return free;
    }

    /** {@code M = (I + Q)^-1}, whose gradient is {@code -M^T dM M^T}. */
    private static Tensor inverse(Tensor q, int n) {
        double[][] kept = new double[1][];
        return Tensor.custom(
                List.of(q),
                in -> {
                    kept[0] = inverse(in.get(0).toDoubles(), n);
                    return Tensor.of(q.engine(), q.shape(), kept[0]);
                },
                (dy, in) -> {
                    Tensor m = Tensor.of(q.engine(), q.shape(), kept[0]);
                    in.add(0, m.matmul(dy, true, false).matmul(m, false, true).neg());
                });
    }

    /** Gauss and Jordan's elimination; no pivot is below 1, as I + Q is the sum of the identity and a skew-symmetric matrix. */
    private static double[] inverse(double[] q, int n) {
        double[] inverses = new double[q.length];
        double[] a = new double[n * n];
        double[] b = new double[n * n];
        for (int block = 0; block < q.length; block += n * n) {
            System.arraycopy(q, block, a, 0, n * n);
            Arrays.fill(b, 0);
            for (int i = 0; i < n; i++) {
                a[i * n + i] += 1;
                b[i * n + i] = 1;
            }
            for (int p = 0; p < n; p++) {
                double pivot = 1 / a[p * n + p];
                scale(a, p, n, pivot);
                scale(b, p, n, pivot);
                for (int i = 0; i < n; i++) {
                    double factor = a[i * n + p];
                    if (i != p && factor != 0) {
                        subtract(a, i, p, n, factor);
                        subtract(b, i, p, n, factor);
                    }
                }
            }
            System.arraycopy(b, 0, inverses, block, n * n);
        }
        return inverses;
    }

    private static void scale(double[] matrix, int row, int n, double factor) {
        for (int j = 0; j < n; j++) {
            matrix[row * n + j] *= factor;
        }
    }

    private static void subtract(double[] matrix, int row, int other, int n, double factor) {
        for (int j = 0; j < n; j++) {
            matrix[row * n + j] -= factor * matrix[other * n + j];
        }
    }
}
