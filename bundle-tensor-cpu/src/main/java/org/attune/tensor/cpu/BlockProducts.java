package org.attune.tensor.cpu;

import org.attune.tensor.DType;
import org.attune.tensor.cpu.KernelKey.Variant;
import org.attune.tensor.cpu.Worker.Scratch;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Storage;

/**
 * Products with a matrix in blocks, in float32. Some rows of it at a time are decoded into a tile that stays in the cache while it is
 * multiplied, so that a decoded copy never exists and memory is read for the blocks alone.
 *
 * <p>The tile holds {@code scale q}; blocks here are groups that share a scale. Minima, one for 32 numbers, have a product of their own: with {@code w = scale q + minimum}
 * is {@code x w^T = x (scale q)^T + s minimum^T}, where s are the sums of x over each block's 32 columns.
 */
final class BlockProducts {
    /** With few rows the tile is read once: a quarter of a core's second cache and more are slower. */
    private static final int FEW_ROWS = 16;

    private static final int SMALL_TILE = 1 << 16;
    /** With many the result is gone through once for each tile. */
    private static final int LARGE_TILE = 1 << 18;

    private BlockProducts() {}

    /** Whether {@link #matmul} takes a form; else the matrix is decoded as a whole. */
    static boolean takes(Matmul form, BlockStorage b) {
        int columns = form.transposeB() ? form.k() : form.n();
        return form.batch() == 1
                && form.k() > 0
                && columns % b.type().group() == 0
                && b.skipped() == 0
                && !(form.transposeA() && form.transposeB());
    }

    static void matmul(Worker w, Matmul form, long a, BlockStorage b, long out) {
        if (form.transposeB()) {
            rows(w, a, b, form.m(), form.k(), 0, form.n(), (float) form.alpha(), (float) form.beta(), out, form.n());
        } else {
            columns(w, form, a, b, out);
        }
    }

    /** The columns from {@code from} to {@code to} of {@code y = x w^T + bias}. */
    static void linear(
            Worker w,
            Operands o,
            Storage x,
            BlockStorage weight,
            long bias,
            int rows,
            int in,
            int out,
            int from,
            int to,
            Storage y) {
        int columns = to - from;
        long ys = CpuStorage.target(y) + (long) y.dtype().bytes() * from;
        boolean direct = y.dtype() == DType.FLOAT32;
        // Other threads may be writing to other columns, so that only these can be converted.
        long sums = direct ? ys : w.scratch(Scratch.RESULT, (long) rows * columns);
        long stride = direct ? out : columns;
        for (int i = 0; i < rows && bias != 0; i++) {
            w.copy(bias, sums + Float.BYTES * stride * i, columns);
        }
        rows(w, o.in(x), weight, rows, in, from, to, 1, bias == 0 ? 0 : 1, sums, stride);
        if (!direct) {
            Products.deliver(w, sums, rows, columns, ys, out, y.dtype());
        }
    }

    /** {@code y = alpha x w^T + beta y} for some rows of w; rows of y lie {@code stride} apart. */
    private static void rows(
            Worker w,
            long x,
            BlockStorage weight,
            int rows,
            int in,
            int from,
            int to,
            float alpha,
            float beta,
            long y,
            long stride) {
        int blocks = in / weight.type().group();
        boolean minima = BlockReader.hasMinima(weight);
        long sums = minima ? blockSums(w, x, (long) rows * blocks, weight.type().group()) : 0;
        int height = height(rows, in);
        for (int row = from; row < to; row += height) {
            int n = Math.min(height, to - row);
            long tile = w.blocks().tile(weight, (long) row * blocks, n * blocks);
            long at = y + (long) Float.BYTES * (row - from);
            w.gemm(false, true, rows, n, in, alpha, x, in, tile, in, beta, at, stride);
            if (minima) {
                long m = w.blocks().minima(n * blocks);
                w.gemm(false, true, rows, n, blocks, alpha, sums, blocks, m, blocks, 1, at, stride);
            }
        }
    }

    /** Of x [blocks, group]: the sums of its rows. */
    private static long blockSums(Worker w, long x, long blocks, int group) {
        long sums = w.scratch(Scratch.SUMS, blocks);
        w.gemm(false, false, blocks, 1, group, 1, x, group, w.ones(group), 1, 0, sums, 1);
        return sums;
    }

    /** {@code out = alpha op(a) b + beta out}. */
    private static void columns(Worker w, Matmul form, long a, BlockStorage weight, long out) {
        int m = form.m();
        int n = form.n();
        int blocks = n / weight.type().group();
        float alpha = (float) form.alpha();
        boolean minima = BlockReader.hasMinima(weight);
        long sums = minima ? w.scratch(Scratch.SUMS, (long) m * blocks) : 0;
        long lda = form.transposeA() ? m : form.k();
        int height = height(m, n);
        for (int row = 0; row < form.k(); row += height) {
            int k = Math.min(height, form.k() - row);
            long tile = w.blocks().tile(weight, (long) row * blocks, k * blocks);
            long as = a + (long) Float.BYTES * row * (form.transposeA() ? lda : 1);
            float beta = row == 0 ? (float) form.beta() : 1;
            w.gemm(form.transposeA(), false, m, n, k, alpha, as, lda, tile, n, beta, out, n);
            if (minima) {
                long mins = w.blocks().minima(k * blocks);
                w.gemm(
                        form.transposeA(),
                        false,
                        m,
                        blocks,
                        k,
                        alpha,
                        as,
                        lda,
                        mins,
                        blocks,
                        row == 0 ? 0 : 1,
                        sums,
                        blocks);
            }
        }
        if (minima) {
            w.kernel(KernelKey.rows(Binary.ADD, Variant.BY_COLUMN, weight.type().group()))
                    .run((long) m * blocks, out, sums, out);
        }
    }

    private static int height(int rows, int columns) {
        int most = (rows <= FEW_ROWS ? SMALL_TILE : LARGE_TILE) / columns;
        return Math.max(8, most / 8 * 8);
    }
}
