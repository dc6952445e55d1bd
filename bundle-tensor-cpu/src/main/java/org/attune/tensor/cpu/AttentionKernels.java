package org.attune.tensor.cpu;

import java.util.Arrays;
import org.attune.tensor.cpu.KernelKey.RowOperation;
import org.attune.tensor.cpu.KernelKey.Variant;
import org.attune.tensor.cpu.Worker.Scratch;
import org.attune.tensor.engine.AttentionLayout;

/**
 * Attention, sequence by sequence and head by head: a head is a strided part of the packed tensors, so nothing is copied or
 * transposed. At lengths of 15 to 128 oneDNN's plain product was measured as fast as its primitive for one product of that
 * size or faster, and it needs nothing built for each length.
 */
final class AttentionKernels {
    private final Worker w;
    private final AttentionLayout layout;
    private final int heads;
    private final int headSize;
    private final int group;
    private final long queryWidth;
    private final long keyWidth;
    private final float scale;

    AttentionKernels(Worker w, AttentionLayout layout) {
        this.w = w;
        this.layout = layout;
        heads = layout.heads();
        headSize = layout.headSize();
        group = layout.heads() / layout.keyHeads();
        queryWidth = (long) layout.heads() * headSize;
        keyWidth = (long) layout.keyHeads() * headSize;
        scale = (float) layout.scale();
    }

    void forward(long q, long k, long v, long out, long probabilities) {
        long p = probabilities;
        for (int s = 0; s < layout.sequences(); s++) {
            int queries = layout.queryLength(s);
            int keys = layout.keyLength(s);
            if (queries == 0) {
                continue;
            }
            long queryRow = queryRow(s);
            long keyRow = keyRow(s);
            if (keys == 0) {
                w.zero(out + queryRow, queries * queryWidth);
                continue;
            }
            long square = (long) Float.BYTES * queries * keys;
            boolean masked = layout.causal() && queries > 1;
            long mask = masked ? causalMask(queries, keys) : 0;
            for (int h = 0; h < heads; h++) {
                long scores = p + h * square;
                if (masked) {
                    w.copy(mask, scores, (long) queries * keys);
                }
                w.gemm(
                        false,
                        true,
                        queries,
                        keys,
                        headSize,
                        scale,
                        q + queryRow + head(h),
                        queryWidth,
                        k + keyRow + head(h / group),
                        keyWidth,
                        masked ? 1 : 0,
                        scores,
                        keys);
            }
            w.kernel(KernelKey.rows(RowOperation.SOFTMAX, keys)).run((long) heads * queries, p, p);
            if (masked && queries > keys) {
                zeroRowsWithoutKeys(p, queries, keys);
            }
            for (int h = 0; h < heads; h++) {
                w.gemm(
                        false,
                        false,
                        queries,
                        headSize,
                        keys,
                        1,
                        p + h * square,
                        keys,
                        v + keyRow + head(h / group),
                        keyWidth,
                        0,
                        out + queryRow + head(h),
                        queryWidth);
            }
            p += heads * square;
        }
    }

    /** A null gradient is 0 here and is not computed. */
    void gradient(long q, long k, long v, long probabilities, long dout, long dq, long dk, long dv) {
        long p = probabilities;
        for (int s = 0; s < layout.sequences(); s++) {
            int queries = layout.queryLength(s);
            int keys = layout.keyLength(s);
            long queryRow = queryRow(s);
            long keyRow = keyRow(s);
            if (queries == 0 || keys == 0) {
                zeroIfWanted(dq, queryRow, queries * queryWidth);
                zeroIfWanted(dk, keyRow, keys * keyWidth);
                zeroIfWanted(dv, keyRow, keys * keyWidth);
                continue;
            }
            long square = (long) Float.BYTES * queries * keys;
            if (dv != 0) {
                for (int h = 0; h < heads; h++) {
                    keyGradient(queries, keys, 1, p + h * square, dout + queryRow, h, dv + keyRow);
                }
            }
            if (dq != 0 || dk != 0) {
                long dscores = scoreGradient(p, v + keyRow, dout + queryRow, queries, keys);
                for (int h = 0; h < heads; h++) {
                    if (dq != 0) {
                        w.gemm(
                                false,
                                false,
                                queries,
                                headSize,
                                keys,
                                scale,
                                dscores + h * square,
                                keys,
                                k + keyRow + head(h / group),
                                keyWidth,
                                0,
                                dq + queryRow + head(h),
                                queryWidth);
                    }
                    if (dk != 0) {
                        keyGradient(queries, keys, scale, dscores + h * square, q + queryRow, h, dk + keyRow);
                    }
                }
            }
            p += heads * square;
        }
    }

    /** The gradient of one sequence's scores before scaling, [heads, queries, keys]. */
    private long scoreGradient(long p, long v, long dout, int queries, int keys) {
        long square = (long) Float.BYTES * queries * keys;
        long dscores = w.scratch(Scratch.ROWS, (long) heads * queries * keys);
        for (int h = 0; h < heads; h++) {
            w.gemm(
                    false,
                    true,
                    queries,
                    keys,
                    headSize,
                    1,
                    dout + head(h),
                    queryWidth,
                    v + head(h / group),
                    keyWidth,
                    0,
                    dscores + h * square,
                    keys);
        }
        w.kernel(KernelKey.rows(RowOperation.SOFTMAX, Variant.GRADIENT, keys))
                .run((long) heads * queries, p, dscores, dscores);
        return dscores;
    }

    /** {@code out[head h's group] (+)= factor matrix^T x[head h]}: query heads of a group add up, the first overwrites. */
    private void keyGradient(int queries, int keys, float factor, long matrix, long x, int h, long out) {
        w.gemm(
                true,
                false,
                keys,
                headSize,
                queries,
                factor,
                matrix,
                keys,
                x + head(h),
                queryWidth,
                h % group == 0 ? 0 : 1,
                out + head(h / group),
                keyWidth);
    }

    /** [queries, keys] of 0 where a query may look and -infinity where it may not. */
    private long causalMask(int queries, int keys) {
        long mask = w.scratch(Scratch.MASK, (long) queries * keys);
        float[] row = new float[keys];
        for (int i = 0; i < queries; i++) {
            int visible = Math.max(0, i + 1 + keys - queries);
            Arrays.fill(row, 0, visible, 0);
            Arrays.fill(row, visible, keys, Float.NEGATIVE_INFINITY);
            w.store(row, keys, mask + (long) Float.BYTES * i * keys);
        }
        return mask;
    }

    /** With fewer keys than queries the first queries see none, and their softmax is not a number. */
    private void zeroRowsWithoutKeys(long p, int queries, int keys) {
        for (int h = 0; h < heads; h++) {
            w.zero(p + (long) Float.BYTES * h * queries * keys, (long) (queries - keys) * keys);
        }
    }

    private void zeroIfWanted(long gradient, long offset, long floats) {
        if (gradient != 0 && floats > 0) {
            w.zero(gradient + offset, floats);
        }
    }

    private long queryRow(int sequence) {
        return Float.BYTES * (layout.queryOffsets()[sequence] * queryWidth);
    }

    private long keyRow(int sequence) {
        return Float.BYTES * (layout.keyOffsets()[sequence] * keyWidth);
    }

    private long head(int h) {
        return (long) Float.BYTES * h * headSize;
    }
}
