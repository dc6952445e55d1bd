package org.attune.tensor.cpu;

import java.util.Arrays;
import org.attune.tensor.DType;
import org.attune.tensor.cpu.KernelKey.RowOperation;
import org.attune.tensor.cpu.KernelKey.Variant;
import org.attune.tensor.cpu.Product.Layout;
import org.attune.tensor.cpu.Worker.Scratch;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Unary;

/**
 * Attention, sequence by sequence, all heads in one batched product or, without AVX-512, in one plain product each: a head is a strided
 * part of the packed tensors, so nothing is copied or transposed. Causal attention goes by blocks of queries, each over the keys that
 * some of them see; there is something to mask only in its last square and, where a window ends, in its first. The probabilities of a
 * block are dense, [heads, queries, keys that it sees].
 *
 * <p>Operands are all float32 or all bfloat16; scores are float32 before the softmax.
 */
final class AttentionKernels {
    /** Queries of a causal block. */
    private static final int BLOCK = 64;

    private final Worker w;
    private final AttentionLayout layout;
    private final DType type;
    private final int heads;
    private final int keyHeads;
    private final int headSize;
    private final int group;
    private final long queryWidth;
    private final long keyWidth;
    private final float scale;
    private final float softCap;

    AttentionKernels(Worker w, AttentionLayout layout, DType type) {
        this.w = w;
        this.layout = layout;
        this.type = type;
        heads = layout.heads();
        keyHeads = layout.keyHeads();
        headSize = layout.headSize();
        group = heads / keyHeads;
        queryWidth = (long) heads * headSize;
        keyWidth = (long) keyHeads * headSize;
        scale = (float) layout.scale();
        softCap = (float) layout.softCap();
    }

    /** Some queries of a sequence and the keys that some of them see. */
    private record Block(int sequence, int firstQuery, int queries, int firstKey, int keys) {}

    /** @param done queries that are done */
    private Block block(int sequence, int done) {
        int left = layout.queryLength(sequence) - done;
        if (!layout.causal()) {
            return new Block(sequence, done, left, 0, layout.keyLength(sequence));
        }
        int queries = Math.min(BLOCK, left);
        int firstKey = layout.firstKey(sequence, done);
        return new Block(sequence, done, queries, firstKey, layout.endKey(sequence, done + queries - 1) - firstKey);
    }

    void forward(long q, long k, long v, long out, long probabilities) {
        long p = probabilities;
        for (int s = 0; s < layout.sequences(); s++) {
            for (int done = 0; done < layout.queryLength(s); ) {
                Block b = block(s, done);
                long queryRow = queryRow(s, done);
                long keyRow = keyRow(s, b.firstKey);
                if (b.keys == 0) {
                    w.zeroBytes(out + queryRow, b.queries * queryWidth * type.bytes());
                } else if (b.queries == 1 && type == DType.FLOAT32) {
                    single(b, q + queryRow, k + keyRow, v + keyRow, out + queryRow, p);
                    p += size(b) * type.bytes();
                } else {
                    // Not in place: where rows are no multiple of a register, that takes oneDNN twice the time.
                    long scores = w.scratch(Scratch.SCORES, size(b));
                    scores(b, q + queryRow, k + keyRow, scores, DType.FLOAT32, scale);
                    if (softCap != 0) {
                        cap(b, scores);
                    }
                    if (layout.causal() && b.queries > 1) {
                        mask(b, scores);
                    }
                    w.kernel(KernelKey.rows(RowOperation.ATTENTION, Variant.PLAIN, type, b.keys))
                            .run((long) heads * b.queries, scores, p);
                    sumOverKeys(b, p, v + keyRow, 1, out + queryRow);
                    p += size(b) * type.bytes();
                }
                done += b.queries;
            }
        }
    }

    /**
     * One query, as in generation, where each token brings a new number of keys: so nothing is built for the number. The heads that
     * share a key head are the rows of one product.
     */
    private void single(Block b, long q, long k, long v, long out, long p) {
        int keys = b.keys;
        for (int h = 0; h < keyHeads; h++) {
            long queries = (long) Float.BYTES * h * group * headSize;
            long key = (long) Float.BYTES * h * headSize;
            long row = p + (long) Float.BYTES * h * group * keys;
            w.gemm(false, true, group, keys, headSize, scale, q + queries, headSize, k + key, keyWidth, 0, row, keys);
        }
        if (softCap != 0) {
            cap(b, p);
        }
        float[] scores = w.row(0, keys);
        for (int i = 0; i < heads; i++) {
            long row = p + (long) Float.BYTES * i * keys;
            w.load(row, scores, keys);
            float largest = Float.NEGATIVE_INFINITY;
            for (int j = 0; j < keys; j++) {
                largest = Math.max(largest, scores[j]);
            }
            for (int j = 0; j < keys; j++) {
                scores[j] -= largest;
            }
            w.store(scores, keys, row);
        }
        w.kernel(KernelKey.elements(Unary.EXP)).run((long) heads * keys, p, p);
        for (int i = 0; i < heads; i++) {
            long row = p + (long) Float.BYTES * i * keys;
            w.load(row, scores, keys);
            float sum = 0;
            for (int j = 0; j < keys; j++) {
                sum += scores[j];
            }
            float inverse = 1 / sum;
            for (int j = 0; j < keys; j++) {
                scores[j] *= inverse;
            }
            w.store(scores, keys, row);
        }
        for (int h = 0; h < keyHeads; h++) {
            long queries = (long) Float.BYTES * h * group * headSize;
            long key = (long) Float.BYTES * h * headSize;
            long row = p + (long) Float.BYTES * h * group * keys;
            w.gemm(false, false, group, headSize, keys, 1, row, keys, v + key, keyWidth, 0, out + queries, headSize);
        }
    }

    /** A null gradient is 0 here and is not computed. */
    void gradient(long q, long k, long v, long probabilities, long dout, long dq, long dk, long dv) {
        long p = probabilities;
        for (int s = 0; s < layout.sequences(); s++) {
            // Later blocks see more keys: the last one comes first, so that it can overwrite and the others add; unless
            // a window
            // hides keys from it.
            Block[] blocks = blocks(s);
            boolean empty = blocks.length == 0 || layout.keyLength(s) == 0;
            boolean cleared = empty || blocks[blocks.length - 1].firstKey > 0;
            if (cleared) {
                zeroIfWanted(dk, keyRow(s, 0), layout.keyLength(s) * keyWidth);
                zeroIfWanted(dv, keyRow(s, 0), layout.keyLength(s) * keyWidth);
            }
            if (empty) {
                zeroIfWanted(dq, queryRow(s, 0), layout.queryLength(s) * queryWidth);
                continue;
            }
            long[] at = new long[blocks.length];
            for (int i = 0; i < blocks.length; i++) {
                at[i] = p;
                p += size(blocks[i]) * type.bytes();
            }
            for (int i = blocks.length - 1; i >= 0; i--) {
                Block b = blocks[i];
                long queryRow = queryRow(s, b.firstQuery);
                long keyRow = keyRow(s, b.firstKey);
                boolean add = cleared || i < blocks.length - 1;
                if (dv != 0) {
                    sumOverQueries(b, at[i], dout + queryRow, 1, add, dv + keyRow);
                }
                if (dq != 0 || dk != 0) {
                    long dp = w.scratch(Scratch.SCORES, size(b));
                    long dscores = w.scratch(Scratch.ROWS, size(b));
                    scores(b, dout + queryRow, v + keyRow, dp, type, 1);
                    long rows = (long) heads * b.queries;
                    if (w.computesBfloat16()) {
                        w.kernel(KernelKey.rows(RowOperation.ATTENTION, Variant.GRADIENT, type, b.keys))
                                .run(rows, at[i], dp, dscores);
                    } else {
                        SoftmaxGradient.run(w, rows, b.keys, at[i], dp, dscores);
                    }
                    if (softCap != 0) {
                        uncap(b, q + queryRow, k + keyRow, dscores);
                    }
                    if (dq != 0) {
                        sumOverKeys(b, dscores, k + keyRow, scale, dq + queryRow);
                    }
                    if (dk != 0) {
                        sumOverQueries(b, dscores, q + queryRow, scale, add, dk + keyRow);
                    }
                }
            }
        }
    }

    private Block[] blocks(int sequence) {
        int queries = layout.queryLength(sequence);
        int size = layout.causal() ? BLOCK : Math.max(1, queries);
        Block[] blocks = new Block[(queries + size - 1) / size];
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = block(sequence, i * size);
        }
        return blocks;
    }

    private long size(Block b) {
        return (long) heads * b.queries * b.keys;
    }

    /** {@code out [heads, queries, keys] = factor x y^T} for x of the queries and y of the keys. */
    private void scores(Block b, long x, long y, long out, DType outType, float factor) {
        Layout queries = new Layout((long) group * headSize, queryWidth, 1);
        Layout keys = new Layout(headSize, 1, keyWidth);
        long square = (long) b.queries * b.keys;
        for (int g = 0; g < group; g++) {
            product(
                    new Product(
                            keyHeads,
                            b.queries,
                            b.keys,
                            headSize,
                            queries,
                            keys,
                            group * square,
                            b.keys,
                            type,
                            type,
                            outType,
                            false,
                            factor,
                            false),
                    x + (long) type.bytes() * g * headSize,
                    y,
                    out + outType.bytes() * square * g);
        }
    }

    /** {@code out [queries, heads headSize] = factor matrix y} for y of the keys. */
    private void sumOverKeys(Block b, long matrix, long y, float factor, long out) {
        long square = (long) b.queries * b.keys;
        Layout squares = new Layout(group * square, b.keys, 1);
        Layout keys = new Layout(headSize, keyWidth, 1);
        for (int g = 0; g < group; g++) {
            product(
                    new Product(
                            keyHeads,
                            b.queries,
                            headSize,
                            b.keys,
                            squares,
                            keys,
                            (long) group * headSize,
                            queryWidth,
                            type,
                            type,
                            type,
                            false,
                            factor,
                            false),
                    matrix + type.bytes() * square * g,
                    y,
                    out + (long) type.bytes() * g * headSize);
        }
    }

    /** {@code out [keys, keyHeads headSize] (+)= factor matrix^T x} for x of the queries; the heads of a group add up. */
    private void sumOverQueries(Block b, long matrix, long x, float factor, boolean add, long out) {
        long square = (long) b.queries * b.keys;
        Layout squares = new Layout(group * square, 1, b.keys);
        Layout queries = new Layout((long) group * headSize, queryWidth, 1);
        for (int g = 0; g < group; g++) {
            product(
                    new Product(
                            keyHeads,
                            b.keys,
                            headSize,
                            b.queries,
                            squares,
                            queries,
                            headSize,
                            keyWidth,
                            type,
                            type,
                            type,
                            false,
                            factor,
                            add || g > 0),
                    matrix + type.bytes() * square * g,
                    x + (long) type.bytes() * g * headSize,
                    out);
        }
    }

    private void product(Product p, long a, long b, long c) {
        if (type == DType.FLOAT32 && !w.computesBfloat16()) {
            headByHead(p, a, b, c);
            return;
        }
        if (p.k() > 1 || p.batch() == 1) {
            w.product(p, a, b, 0, c);
            return;
        }
        // oneDNN 3.11 gives wrong results for a batch whose matrices have one column and do not lie densely.
        Product one = new Product(
                1,
                p.m(),
                p.n(),
                p.k(),
                new Layout(0, p.aLayout().row(), p.aLayout().column()),
                new Layout(0, p.bLayout().row(), p.bLayout().column()),
                0,
                p.cRow(),
                p.a(),
                p.b(),
                p.c(),
                false,
                p.alpha(),
                p.add());
        for (int i = 0; i < p.batch(); i++) {
            w.product(
                    one,
                    a + p.a().bytes() * p.aLayout().batch() * i,
                    b + p.b().bytes() * p.bLayout().batch() * i,
                    0,
                    c + p.c().bytes() * p.cBatch() * i);
        }
    }

    /**
     * Without AVX-512 gemm takes as long as a batched product at equal lengths. In text each length has products of its own, whose code is
     * then never in a core's cache: gemm has the same for all, and there is nothing to build.
     */
    private void headByHead(Product p, long a, long b, long c) {
        Layout as = p.aLayout();
        Layout bs = p.bLayout();
        for (int i = 0; i < p.batch(); i++) {
            w.gemm(
                    as.column() != 1,
                    bs.column() != 1,
                    p.m(),
                    p.n(),
                    p.k(),
                    p.alpha(),
                    a + Float.BYTES * as.batch() * i,
                    leading(as, p.m(), p.k()),
                    b + Float.BYTES * bs.batch() * i,
                    leading(bs, p.k(), p.n()),
                    p.add() ? 1 : 0,
                    c + Float.BYTES * p.cBatch() * i,
                    p.cRow());
        }
    }

    /** The leading dimension of a matrix. Of a single row or column a stride may be less than gemm takes, and is not used. */
    private static long leading(Layout layout, int rows, int columns) {
        return layout.column() == 1 ? Math.max(layout.row(), columns) : Math.max(layout.column(), rows);
    }

    /** Puts minus infinity where a query of the block may not look: after its own position and before its window. */
    private void mask(Block b, long scores) {
        float[] hidden = w.row(0, b.keys);
        Arrays.fill(hidden, 0, b.keys, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < b.queries; i++) {
            int first = layout.firstKey(b.sequence, b.firstQuery + i) - b.firstKey;
            int end = layout.endKey(b.sequence, b.firstQuery + i) - b.firstKey;
            for (int h = 0; h < heads; h++) {
                long row = ((long) h * b.queries + i) * b.keys;
                w.store(hidden, first, scores + Float.BYTES * row);
                w.store(hidden, b.keys - end, scores + Float.BYTES * (row + end));
            }
        }
    }

    /** {@code softCap tanh(s / softCap)} of each score. */
    private void cap(Block b, long scores) {
        long n = size(b);
        Elementwise.affine(w, scores, 1 / softCap, 0, n, scores);
        w.kernel(KernelKey.elements(Unary.TANH)).run(n, scores, scores);
        Elementwise.affine(w, scores, softCap, 0, n, scores);
    }

    /** From gradients of capped scores to those of the scores, which are computed again. */
    private void uncap(Block b, long queries, long keys, long dscores) {
        long scores = w.scratch(Scratch.SCORES, size(b));
        scores(b, queries, keys, scores, type, scale / softCap);
        w.kernel(KernelKey.elements(Unary.TANH, Variant.GRADIENT, type)).run(size(b), scores, dscores, dscores);
    }

    private void zeroIfWanted(long gradient, long offset, long elements) {
        if (gradient != 0 && elements > 0) {
            w.zeroBytes(gradient + offset, elements * type.bytes());
        }
    }

    private long queryRow(int sequence, int query) {
        return type.bytes() * ((layout.queryOffsets()[sequence] + query) * queryWidth);
    }

    private long keyRow(int sequence, int key) {
        return type.bytes() * ((layout.keyOffsets()[sequence] + key) * keyWidth);
    }
}
