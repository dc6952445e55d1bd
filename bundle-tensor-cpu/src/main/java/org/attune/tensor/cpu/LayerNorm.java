package org.attune.tensor.cpu;

import static org.attune.tensor.cpu.Worker.TILE;

import java.util.Arrays;
import org.attune.tensor.DType;
import org.attune.tensor.cpu.KernelKey.RowOperation;
import org.attune.tensor.cpu.KernelKey.Variant;
import org.attune.tensor.cpu.Worker.Scratch;
import org.attune.tensor.engine.Binary;

/** Layer normalisation over rows. */
final class LayerNorm {
    /** Rows of {@code dy gamma} that are made at a time, few enough to stay in a cache. */
    private static final int CHUNK = 64;

    private LayerNorm() {}

    static void forward(
            Worker w,
            DType type,
            long x,
            long gamma,
            long beta,
            int rows,
            int columns,
            float eps,
            long y,
            long mean,
            long rstd) {
        w.kernel(new KernelKey(RowOperation.LAYER_NORM, Variant.PLAIN, type, columns, eps))
                .run(rows, x, y, mean, rstd, gamma, beta);
        float[] tile = w.tile(0); // oneDNN left variances there
        for (int i = 0; i < rows; i += TILE) {
            int n = Math.min(TILE, rows - i);
            long at = rstd + (long) Float.BYTES * i;
            w.load(at, tile, n);
            for (int j = 0; j < n; j++) {
                tile[j] = 1 / (float) Math.sqrt(tile[j] + eps);
            }
            w.store(tile, n, at);
        }
    }

    /** oneDNN wants a variance and an epsilon: 1 / rstd^2 and 0 serve, exactly even where epsilon outweighs the variance. */
    static void inputGradient(
            Worker w, DType type, long x, long gamma, long mean, long rstd, long dy, int rows, int columns, long dx) {
        Kernel scale = w.kernel(KernelKey.rows(Binary.MUL, columns));
        Kernel gradient = w.kernel(new KernelKey(RowOperation.LAYER_NORM, Variant.GRADIENT, type, columns, 0));
        long scaled = w.scratch(Scratch.ROWS, (long) CHUNK * columns);
        long variance = w.scratch(Scratch.STATISTICS, CHUNK);
        float[] tile = w.tile(0);
        long row = (long) type.bytes() * columns;
        for (int i = 0; i < rows; i += CHUNK) {
            int n = Math.min(CHUNK, rows - i);
            long statistic = (long) Float.BYTES * i;
            w.load(rstd + statistic, tile, n);
            for (int j = 0; j < n; j++) {
                tile[j] = 1 / (tile[j] * tile[j]);
            }
            w.store(tile, n, variance);
            // Converted first: a product of mixed types has only oneDNN's portable code, thirty times as slow.
            long floats = dy + i * row;
            if (type != DType.FLOAT32) {
                w.convert(floats, type, scaled, DType.FLOAT32, (long) n * columns);
                floats = scaled;
            }
            scale.run(n, floats, gamma, scaled);
            gradient.run(n, x + i * row, mean + statistic, variance, scaled, dx + i * row);
        }
    }

    /** {@code dgamma = sum over rows of dy (x - mean) rstd}, {@code dbeta = sum over rows of dy}. */
    static void parameterGradients(
            Worker w, long x, long mean, long rstd, long dy, int rows, int columns, long dgamma, long dbeta) {
        float[] means = w.tile(4);
        float[] rstds = w.tile(5);
        for (int c = 0; c < columns; c += TILE) {
            int n = Math.min(TILE, columns - c);
            Arrays.fill(w.tile(2), 0, n, 0);
            Arrays.fill(w.tile(3), 0, n, 0);
            for (int i = 0; i < rows; i++) {
                if (i % TILE == 0) {
                    w.load(mean + (long) Float.BYTES * i, means, Math.min(TILE, rows - i));
                    w.load(rstd + (long) Float.BYTES * i, rstds, Math.min(TILE, rows - i));
                }
                long at = Float.BYTES * ((long) i * columns + c);
                addRow(w, x + at, dy + at, means[i % TILE], rstds[i % TILE], n);
            }
            if (dgamma != 0) {
                w.store(w.tile(2), n, dgamma + (long) Float.BYTES * c);
            }
            if (dbeta != 0) {
                w.store(w.tile(3), n, dbeta + (long) Float.BYTES * c);
            }
        }
    }

    private static void addRow(Worker w, long x, long dy, float mean, float rstd, int n) {
        float[] xs = w.tile(0);
        float[] dys = w.tile(1);
        float[] gammas = w.tile(2);
        float[] betas = w.tile(3);
        w.load(x, xs, n);
        w.load(dy, dys, n);
        for (int j = 0; j < n; j++) {
            gammas[j] += dys[j] * ((xs[j] - mean) * rstd);
            betas[j] += dys[j];
        }
    }
}
