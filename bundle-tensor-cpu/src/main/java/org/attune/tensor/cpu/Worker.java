package org.attune.tensor.cpu;

import static org.bytedeco.dnnl.global.dnnl.dnnl_sgemm;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.attune.tensor.DType;
import org.attune.tensor.cpu.KernelKey.RowOperation;
import org.attune.tensor.cpu.KernelKey.Variant;
import org.attune.tensor.engine.Storage;
import org.bytedeco.javacpp.Pointer;

/**
 * What one calling thread needs to run kernels: built primitives, scratch memory, movable pointers. Open from
 * {@link Workers#enter} to {@link #close()}; used by one thread at a time.
 */
final class Worker implements AutoCloseable {
    /** Floats of a {@link #tile}: those of one loop fit a core's first cache. */
    static final int TILE = 2048;

    /** Rows that loops in Java fetch at once: getting one costs as much as its arithmetic. */
    static final int BLOCK = 16;

    /** Attention makes a kernel for each sequence length, so there must be an end to them. */
    private static final int MOST_KERNELS = 1024;

    private static final int MOST_PRODUCTS = 2048;

    private final OneDnn oneDnn = new OneDnn();
    private final Scratchpad scratchpad = new Scratchpad();
    private final KernelFactory factory = new KernelFactory(oneDnn, scratchpad);
    private final ProductFactory productFactory = new ProductFactory(oneDnn, scratchpad);
    private final Bfloat16 bfloat16 = new Bfloat16();
    private final Operands operands = new Operands(this);
    private final BlockReader blocks = new BlockReader(this);
    private final Map<KernelKey, Kernel> kernels = new LinkedHashMap<>(64, 0.75f, true);
    private final Map<Product, Primitive> products = new LinkedHashMap<>(64, 0.75f, true);
    private final float[][] tiles = new float[6][TILE];
    private final float[][] rows = new float[4][];
    private final EnumMap<Scratch, NativeMemory.Slab> scratch = new EnumMap<>(Scratch.class);
    private final Address a = new Address();
    private final Address b = new Address();
    private final Address c = new Address();
    private final float[] single = new float[1];

    private int ones;

    private volatile boolean busy;
    private long calls;

    /** Areas of scratch memory; each use of one overwrites it. */
    enum Scratch {
        ONES,
        SCORES,
        PARAMETERS,
        ROWS,
        CONVERTED,
        STATISTICS,
        /** Of products with a matrix in blocks, from here on. */
        TILE,
        SCALES,
        MINIMA,
        INTEGERS,
        SUMS,
        RESULT
    }

    void begin() {
        calls++;
        busy = true;
    }

    @Override
    public void close() {
        busy = false;
    }

    boolean isBusy() {
        return busy;
    }

    long calls() {
        return calls;
    }

    Kernel kernel(KernelKey key) {
        Kernel kernel = kernels.get(key);
        if (kernel == null) {
            kernel = factory.build(key);
            kernels.put(key, kernel);
            if (kernels.size() > MOST_KERNELS) {
                kernels.remove(kernels.keySet().iterator().next()).close();
            }
        }
        return kernel;
    }

    /** Runs a product of fixed form; {@code bias} is 0 where it has none. */
    void product(Product form, long x, long y, long bias, long out) {
        Primitive primitive = products.get(form);
        if (primitive == null) {
            primitive = productFactory.build(form);
            products.put(form, primitive);
            if (products.size() > MOST_PRODUCTS) {
                products.remove(products.keySet().iterator().next()).close();
            }
        }
        primitive.set(0, x);
        primitive.set(1, y);
        primitive.set(2, out);
        if (form.bias()) {
            primitive.set(3, bias);
        }
        primitive.run();
    }

    /** A copy of the weight [out, in] at {@code from} as {@link WeightCopies.Layout#PACKED} says; the caller frees it. */
    NativeMemory.Slab packed(DType type, long from, long in, long out) {
        ProductFactory.Packing packing = productFactory.packing(type, in, out);
        NativeMemory.Slab copy = NativeMemory.allocate(packing.bytes());
        try (Primitive reorder = packing.reorder()) {
            reorder.set(0, from);
            reorder.set(1, copy.address());
            reorder.run();
        }
        return copy;
    }

    /** The operands of the call in progress. */
    Operands operands() {
        return operands;
    }

    BlockReader blocks() {
        return blocks;
    }

    /**
     * Whether a kernel may run over bfloat16; where not, it runs over float32, between conversions. Softmax's gradient too is
     * compiled for these processors only.
     */
    boolean computesBfloat16() {
        return oneDnn.multipliesBfloat16();
    }

    /** The type that a kernel runs in: that of its operands where they agree and there are kernels for it, else float32. */
    DType common(Storage... operands) {
        DType type = operands[0].dtype();
        for (Storage operand : operands) {
            if (operand != null && operand.dtype() != type) {
                return DType.FLOAT32;
            }
        }
        return computesBfloat16() ? type : DType.FLOAT32;
    }

    /** Copies {@code n} elements from one type to another. */
    void convert(long from, DType type, long to, DType wanted, long n) {
        if (type == wanted) {
            copyBytes(from, to, wanted.bytes() * n);
        } else if (!computesBfloat16()) {
            if (type == DType.FLOAT32) {
                bfloat16.narrow(this, from, to, n);
            } else {
                bfloat16.widen(this, from, to, n);
            }
        } else if (type == DType.FLOAT32) {
            kernel(KernelKey.elements(RowOperation.CONVERT, wanted)).run(n, from, to);
        } else {
            kernel(KernelKey.elements(RowOperation.CONVERT, Variant.GRADIENT, type))
                    .run(n, from, to);
        }
    }

    Stream<Primitive> primitives() {
        return Stream.concat(kernels.values().stream().flatMap(Kernel::primitives), products.values().stream());
    }

    /** {@code out = alpha op(x) op(y) + beta out}, row-major, with leading dimensions in floats. */
    void gemm(
            boolean transposeX,
            boolean transposeY,
            long m,
            long n,
            long k,
            float alpha,
            long x,
            long ldx,
            long y,
            long ldy,
            float beta,
            long out,
            long ldout) {
        int status = dnnl_sgemm(
                (byte) (transposeX ? 'T' : 'N'),
                (byte) (transposeY ? 'T' : 'N'),
                m,
                n,
                k,
                alpha,
                a.at(x),
                ldx,
                b.at(y),
                ldy,
                beta,
                c.at(out),
                ldout);
        OneDnn.check(status, "a matrix product");
    }

    /** A Java array for a piece of a tensor: loops over arrays are vectorised on every JDK, those over buffers are not. */
    float[] tile(int i) {
        return tiles[i];
    }

    /** A Java array for a whole row of a tensor. */
    float[] row(int i, int columns) {
        if (rows[i] == null || rows[i].length < columns) {
            rows[i] = new float[columns];
        }
        return rows[i];
    }

    void load(long from, float[] to, int offset, int length) {
        a.at(from).get(to, offset, length);
    }

    void load(long from, float[] to, int length) {
        load(from, to, 0, length);
    }

    void store(float[] from, int offset, int length, long to) {
        a.at(to).put(from, offset, length);
    }

    void store(float[] from, int length, long to) {
        store(from, 0, length, to);
    }

    /** Elements of any type from the {@code offset}th on. */
    void load(Storage from, long offset, float[] to, int length) {
        DType type = from.dtype();
        long at = CpuStorage.address(from) + type.bytes() * offset;
        if (type != DType.FLOAT32) {
            long floats = scratch(Scratch.CONVERTED, length);
            convert(at, type, floats, DType.FLOAT32, length);
            at = floats;
        }
        load(at, to, length);
    }

    /** To elements of any type from the {@code offset}th on, whose {@link CpuStorage#target} was asked for. */
    void store(float[] from, int length, Storage to, long offset) {
        DType type = to.dtype();
        long at = CpuStorage.address(to) + type.bytes() * offset;
        if (type == DType.FLOAT32) {
            store(from, length, at);
        } else {
            long floats = scratch(Scratch.CONVERTED, length);
            store(from, length, floats);
            convert(floats, DType.FLOAT32, at, type, length);
        }
    }

    float loadOne(long from) {
        a.at(from).get(single, 0, 1);
        return single[0];
    }

    void storeOne(float value, long to) {
        single[0] = value;
        a.at(to).put(single, 0, 1);
    }

    void copy(long from, long to, long floats) {
        copyBytes(from, to, Float.BYTES * floats);
    }

    void copyBytes(long from, long to, long bytes) {
        Pointer.memcpy(b.at(to), a.at(from), bytes);
    }

    void zero(long at, long floats) {
        zeroBytes(at, Float.BYTES * floats);
    }

    void zeroBytes(long at, long bytes) {
        Pointer.memset(a.at(at), 0, bytes);
    }

    /** Memory for at least {@code floats} numbers; it keeps its content only while it need not grow. */
    long scratch(Scratch area, long floats) {
        long bytes = Float.BYTES * floats;
        NativeMemory.Slab slab = scratch.get(area);
        if (slab == null || slab.bytes() < bytes) {
            if (slab != null) {
                slab.free();
            }
            // Half as much again, so that slowly growing needs do not ask each time.
            slab = NativeMemory.allocate(bytes + bytes / 2);
            scratch.put(area, slab);
        }
        return slab.address();
    }

    /** At least {@code n} numbers 1. */
    long ones(int n) {
        if (ones < n) {
            long start = scratch(Scratch.ONES, n);
            Elementwise.fill(this, start, n, 1);
            ones = n;
        }
        return scratch(Scratch.ONES, n);
    }

    /** Frees everything native. */
    void dispose() {
        kernels.values().forEach(Kernel::close);
        kernels.clear();
        products.values().forEach(Primitive::close);
        products.clear();
        operands.dispose();
        scratchpad.close();
        scratch.values().forEach(NativeMemory.Slab::free);
        oneDnn.close();
    }
}
