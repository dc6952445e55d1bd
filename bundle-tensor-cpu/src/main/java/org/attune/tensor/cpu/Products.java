package org.attune.tensor.cpu;

import java.util.Arrays;
import org.attune.tensor.DType;
import org.attune.tensor.cpu.Product.Layout;
import org.attune.tensor.cpu.Worker.Scratch;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Storage;

/**
 * Matrix products. Float32 ones go through oneDNN's plain gemm, which needs nothing built: ragged text brings ever new row counts, and
 * a primitive for a large product takes milliseconds to build. Where the count is a multiple of {@link #ROWS}, as with texts of
 * equal length, it recurs, and the primitive is worth it: it takes the bias along and needs no reordered copy of a weight.
 *
 * <p>Where an operand is bfloat16 the other is rounded to it; bfloat16 products have primitives for whole blocks of rows, which
 * come in a few sizes, so that any number of rows is a few calls. On a processor without them both are float32 for the product.
 */
final class Products {
    /** Rows that have a primitive come in multiples of this. */
    private static final int ROWS = 64;

    private static final int MOST_ROWS = 1024;

    /** From this many multiplications a row on, a primitive of its own pays. */
    private static final long LARGE = 1 << 15;

    /** Above this, which only vocabularies are, a second copy of a weight would be most of a step's memory. */
    private static final long LARGEST_COPY = 1 << 23;

    /**
     * So few rows only read the weight: as it lies, by a primitive, or packed where it is bfloat16, which is unpacked too slowly. A
     * transposed copy of a weight pays where more rows than this meet it.
     */
    private static final int FEW_ROWS = 16;

    /** From so many rows on a product with few is {@link #swapped}. */
    private static final int SWAPPED_FROM = 3;

    /** Rows are made a multiple of this: of the numbers in a register. */
    private static final int LANES = 8;

    /** Columns that are turned at once, which stay in a core's second cache. */
    private static final int TURNED = 1024;

    /**
     * Without AVX-512, gemm over a weight as it lies beats a primitive up to this many inputs by an eighth, and what it reaches over a
     * transposed weight is at times a third of that.
     */
    private static final int LONG_ROWS = 1024;

    /** From so many rows on gemm makes a packed copy of a matrix with long rows itself. */
    private static final int COPIED_BELOW = 300;

    /** So many columns of it are copied at a time. */
    private static final int COPIED = 384;

    private Products() {}

    private static boolean recurs(int rows) {
        return rows % ROWS == 0 && rows <= MOST_ROWS;
    }

    static void matmul(Worker w, Operands o, Matmul form, Storage a, Storage b, Storage out) {
        long size = (long) form.batch() * form.m() * form.n();
        if (size == 0) {
            return;
        }
        if (b instanceof BlockStorage blocks && BlockProducts.takes(form, blocks)) {
            BlockProducts.matmul(w, form, o.in(a), blocks, form.beta() == 0 ? o.out(out) : o.update(out));
            return;
        }
        boolean narrow = a.dtype() == DType.BFLOAT16 || b.dtype() == DType.BFLOAT16;
        int rowsA = form.transposeA() ? form.k() : form.m();
        int rowsB = form.transposeB() ? form.n() : form.k();
        if (form.k() == 0 || !narrow || (form.beta() != 0 && form.beta() != 1)) {
            long y = form.beta() == 0 ? o.out(out) : o.update(out);
            floats(w, form, o.in(a), o.in(b), y);
            return;
        }
        if (!w.computesBfloat16()) {
            long y = form.beta() == 0 ? o.out(out) : o.update(out);
            floats(w, form, rounded(w, o, a, rowsA), rounded(w, o, b, rowsB), y);
            return;
        }
        long x = narrowed(w, o, a, rowsA);
        long y = narrowed(w, o, b, rowsB);
        // Where a lies transposed the sum over its rows comes in parts, which are not to be rounded.
        DType result = form.transposeA() ? DType.FLOAT32 : out.dtype();
        long z = form.beta() == 0 ? o.out(out, result) : result == out.dtype() ? CpuStorage.target(out) : o.update(out);
        long m = form.m();
        long n = form.n();
        long k = form.k();
        for (long i = 0; i < form.batch(); i++) {
            narrow(
                    w,
                    new Product(
                            1,
                            form.m(),
                            form.n(),
                            form.k(),
                            form.transposeA() ? Layout.transposed(m) : Layout.dense(k),
                            form.transposeB() ? Layout.transposed(k) : Layout.dense(n),
                            0,
                            n,
                            DType.BFLOAT16,
                            DType.BFLOAT16,
                            result,
                            false,
                            (float) form.alpha(),
                            form.beta() == 1),
                    x + DType.BFLOAT16.bytes() * i * m * k,
                    form.sharedB() ? y : y + DType.BFLOAT16.bytes() * i * k * n,
                    0,
                    z + result.bytes() * i * m * n);
        }
    }

    /** The address of an operand in bfloat16. */
    private static long narrowed(Worker w, Operands o, Storage x, int rows) {
        if (x.dtype() == DType.FLOAT32 && !(x instanceof BlockStorage)) {
            int columns = (int) (x.size() / rows);
            long copy = CpuStorage.copy(x, w, WeightCopies.Layout.BFLOAT16, rows, columns);
            if (copy != 0) {
                return copy;
            }
        }
        return o.in(x, DType.BFLOAT16);
    }

    /** The address of an operand in float32, rounded to bfloat16. */
    private static long rounded(Worker w, Operands o, Storage x, int rows) {
        return x.dtype() == DType.BFLOAT16 ? o.in(x) : o.widened(narrowed(w, o, x, rows), x.size());
    }

    /** Cuts the rows of a, or, where a lies transposed, those that are summed over, into pieces that recur. */
    private static void narrow(Worker w, Product p, long a, long b, long bias, long c) {
        boolean tall = p.aLayout().column() == 1;
        int extent = tall ? p.m() : p.k();
        long aStep = (tall ? p.aLayout().row() : p.aLayout().column()) * p.a().bytes();
        long bStep = tall ? 0 : p.bLayout().row() * p.b().bytes();
        long cStep = tall ? p.cRow() * p.c().bytes() : 0;
        boolean add = p.add();
        int done = 0;
        while (done < extent) {
            int piece = piece(extent - done);
            Product part = new Product(
                    1,
                    tall ? piece : p.m(),
                    p.n(),
                    tall ? p.k() : piece,
                    p.aLayout(),
                    p.bLayout(),
                    0,
                    p.cRow(),
                    p.a(),
                    p.b(),
                    p.c(),
                    p.bias(),
                    p.alpha(),
                    add);
            w.product(part, a + done * aStep, b + done * bStep, bias, c + done * cStep);
            done += piece;
            add = p.add() || !tall;
        }
    }

    /** The largest of: multiples of {@link #ROWS} up to {@link #MOST_ROWS}, then powers of two. */
    private static int piece(int left) {
        return left >= ROWS ? Math.min(MOST_ROWS, left / ROWS * ROWS) : Integer.highestOneBit(left);
    }

    private static void floats(Worker w, Matmul form, long a, long b, long out) {
        long m = form.m();
        long n = form.n();
        long k = form.k();
        long size = form.batch() * m * n;
        if (k == 0 && form.beta() == 0) {
            w.zero(out, size);
            return;
        }
        if (k == 0) {
            Elementwise.affine(w, out, (float) form.beta(), 0, size, out);
            return;
        }
        boolean copies = !form.transposeA()
                && !form.transposeB()
                && n > LONG_ROWS
                && m > FEW_ROWS
                && m < COPIED_BELOW
                && !w.computesBfloat16();
        for (long i = 0; i < form.batch(); i++) {
            long x = a + Float.BYTES * i * m * k;
            long y = form.sharedB() ? b : b + Float.BYTES * i * k * n;
            long z = out + Float.BYTES * i * m * n;
            float alpha = (float) form.alpha();
            float beta = (float) form.beta();
            if (copies) {
                byColumns(w, m, n, k, alpha, x, y, beta, z);
            } else {
                w.gemm(
                        form.transposeA(),
                        form.transposeB(),
                        m,
                        n,
                        k,
                        alpha,
                        x,
                        form.transposeA() ? m : k,
                        y,
                        form.transposeB() ? k : n,
                        beta,
                        z,
                        n);
            }
        }
    }

    /**
     * Some columns of b at a time, which are copied first: gemm goes down a few columns of b, and where its rows are long, these lie in
     * few sets of the first cache: without AVX-512 that takes a quarter longer.
     */
    private static void byColumns(Worker w, long m, long n, long k, float alpha, long a, long b, float beta, long out) {
        long copy = w.scratch(Scratch.TILE, k * COPIED);
        for (long done = 0; done < n; done += COPIED) {
            long columns = Math.min(COPIED, n - done);
            long row = Float.BYTES * columns;
            Copies.blocks(w, b + Float.BYTES * done, Float.BYTES * n, copy, row, row, k);
            w.gemm(false, false, m, columns, k, alpha, a, k, copy, columns, beta, out + Float.BYTES * done, n);
        }
    }

    static void linear(
            Worker w, Operands o, Storage x, Storage weight, Storage bias, int rows, int in, int out, Storage y) {
        columns(w, o, x, weight, bias, rows, in, out, 0, out, false, y);
    }

    static void linearColumns(
            Worker w,
            Operands o,
            Storage x,
            Storage weight,
            Storage bias,
            int rows,
            int in,
            int out,
            int from,
            int to,
            Storage y) {
        columns(w, o, x, weight, bias, rows, in, out, from, to, rows <= FEW_ROWS, y);
    }

    /** @param packs whether a packed copy of the weight may be made, as pays where few rows meet it again and again */
    private static void columns(
            Worker w,
            Operands o,
            Storage x,
            Storage weight,
            Storage bias,
            int rows,
            int in,
            int out,
            int from,
            int to,
            boolean packs,
            Storage y) {
        int columns = to - from;
        if (rows == 0 || columns == 0) {
            return;
        }
        long biases = bias == null ? 0 : o.in(bias) + (long) Float.BYTES * from;
        if (weight instanceof BlockStorage blocks && in % blocks.type().group() == 0 && blocks.skipped() == 0) {
            BlockProducts.linear(w, o, x, blocks, biases, rows, in, out, from, to, y);
            return;
        }
        long skipped = (long) from * in;
        long size = (long) columns * in;
        boolean narrow = x.dtype() == DType.BFLOAT16 || weight.dtype() == DType.BFLOAT16;
        if (narrow && w.computesBfloat16()) {
            boolean few = packs && size >= LARGE && weight.dtype() == DType.BFLOAT16;
            long packed =
                    few ? CpuStorage.copy(weight.slice(skipped, size), w, WeightCopies.Layout.PACKED, columns, in) : 0;
            Layout layout = packed == 0 ? Layout.transposed(in) : Layout.PACKED;
            narrow(
                    w,
                    row(rows, in, columns, layout, out, DType.BFLOAT16, y.dtype(), bias != null),
                    narrowed(w, o, x, rows),
                    packed == 0 ? narrowed(w, o, weight, out) + DType.BFLOAT16.bytes() * skipped : packed,
                    biases,
                    CpuStorage.target(y) + (long) y.dtype().bytes() * from);
            return;
        }
        long xs = narrow ? rounded(w, o, x, rows) : o.in(x);
        long weights = narrow && weight.dtype() == DType.FLOAT32
                ? o.widened(narrowed(w, o, weight, out) + DType.BFLOAT16.bytes() * skipped, size)
                : o.in(weight.slice(skipped, size));
        boolean wide = w.computesBfloat16();
        boolean direct = y.dtype() == DType.FLOAT32;
        long ys = CpuStorage.target(y) + (long) y.dtype().bytes() * from;
        // Other threads may be writing to other columns, so that only these can be converted.
        long sums = direct ? ys : w.scratch(Scratch.RESULT, (long) rows * columns);
        int stride = direct ? out : columns;
        if (rows >= SWAPPED_FROM && rows <= FEW_ROWS && size >= LARGE) {
            swapped(w, xs, weights, biases, rows, in, columns, sums, stride);
        } else if (size >= LARGE && (rows <= FEW_ROWS || recurs(rows) && (wide || in > LONG_ROWS))) {
            Product form =
                    row(rows, in, columns, Layout.transposed(in), stride, DType.FLOAT32, DType.FLOAT32, bias != null);
            w.product(form, xs, weights, biases, sums);
        } else {
            for (int i = 0; i < rows && bias != null; i++) {
                w.copy(biases, sums + (long) Float.BYTES * i * stride, columns);
            }
            float beta = bias == null ? 0 : 1;
            boolean copies = wide && !narrow && columns == out && rows > FEW_ROWS;
            long transposed = copies && size >= LARGE && size <= LARGEST_COPY
                    ? CpuStorage.copy(weight, w, WeightCopies.Layout.TRANSPOSED, out, in)
                    : 0;
            if (transposed != 0) {
                w.gemm(false, false, rows, out, in, 1, xs, in, transposed, out, beta, sums, stride);
            } else {
                w.gemm(false, true, rows, columns, in, 1, xs, in, weights, in, beta, sums, stride);
            }
        }
        if (!direct) {
            deliver(w, sums, rows, columns, ys, out, y.dtype());
        }
    }

    /** Converts rows of float32, one after another, to rows of another type that are {@code stride} elements apart. */
    static void deliver(Worker w, long from, int rows, int columns, long to, int stride, DType type) {
        for (int i = 0; i < rows; i++) {
            w.convert(
                    from + (long) Float.BYTES * columns * i,
                    DType.FLOAT32,
                    to + (long) type.bytes() * stride * i,
                    type,
                    columns);
        }
    }

    /**
     * {@code y^T = w x^T}, then turned: so the weight, which is nearly all that is read, is read row by row as it lies, while as the
     * right operand each few rows of it would be transposed first; half as much again is done in the same time.
     *
     * @param out from a row of y to the next
     */
    private static void swapped(
            Worker w, long x, long weight, long bias, int rows, int in, int columns, long y, int out) {
        int lanes = (rows + LANES - 1) / LANES * LANES;
        long xs = x;
        if (lanes > rows) {
            xs = w.scratch(Scratch.ROWS, (long) lanes * in);
            w.copy(x, xs, (long) rows * in);
            w.zero(xs + Float.BYTES * (long) rows * in, (long) (lanes - rows) * in);
        }
        long turned = w.scratch(Scratch.SCORES, (long) columns * lanes);
        Product form = new Product(
                1,
                columns,
                lanes,
                in,
                Layout.dense(in),
                Layout.transposed(in),
                0,
                lanes,
                DType.FLOAT32,
                DType.FLOAT32,
                DType.FLOAT32,
                false,
                1,
                false);
        w.product(form, weight, xs, 0, turned);
        float[] block = w.row(0, TURNED * lanes);
        float[] row = w.row(1, TURNED);
        float[] biases = w.row(2, TURNED);
        for (int done = 0; done < columns; done += TURNED) {
            int n = Math.min(TURNED, columns - done);
            w.load(turned + (long) Float.BYTES * done * lanes, block, n * lanes);
            if (bias == 0) {
                Arrays.fill(biases, 0, n, 0);
            } else {
                w.load(bias + (long) Float.BYTES * done, biases, n);
            }
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < n; j++) {
                    row[j] = block[j * lanes + i] + biases[j];
                }
                w.store(row, n, y + Float.BYTES * ((long) i * out + done));
            }
        }
    }

    /** {@code y = x w^T} for some columns of a y that has {@code out}. */
    private static Product row(
            int rows, int in, int columns, Layout weight, int out, DType operands, DType result, boolean bias) {
        return new Product(
                1, rows, columns, in, Layout.dense(in), weight, 0, out, operands, operands, result, bias, 1, false);
    }
}
