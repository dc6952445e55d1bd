package org.attune.tensor.cpu;

import static org.attune.tensor.cpu.CpuStorage.address;
import static org.attune.tensor.cpu.Worker.TILE;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;
import org.attune.plugin.AttunePlugin;
import org.attune.tensor.DType;
import org.attune.tensor.cpu.KernelKey.RowOperation;
import org.attune.tensor.cpu.KernelKey.Variant;
import org.attune.tensor.engine.AdamStep;
import org.attune.tensor.engine.Arena;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.EngineStats;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.engine.Unary;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;

/** Float32 on oneDNN. Each call checks its storages, borrows the thread's {@link Worker} and hands it bare addresses. */
@Component(
        service = TensorEngine.class,
        property = "osgi.ds.satisfying.condition.target=(osgi.condition.id=attune.natives.onednn)")
@AttunePlugin(name = "cpu", description = "float32 on oneDNN, one thread per worker")
public final class CpuEngine implements TensorEngine {
    private static final Set<DType> DTYPES = Collections.unmodifiableSet(EnumSet.of(DType.FLOAT32));

    private final NativeMemory memory = new NativeMemory();
    private final Workers workers = new Workers();

    /**
     * Waits for running kernels and frees the pool. Kernels that are called later fail; storages and arenas that are still
     * open free their memory when they are closed.
     */
    @Deactivate
    public void close() {
        workers.close();
        memory.close();
    }

    /** The primitives built so far, while no kernel runs. */
    Stream<Primitive> primitives() {
        return workers.primitives();
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public DType dtype() {
        return DType.FLOAT32;
    }

    @Override
    public Set<DType> dtypes() {
        return DTYPES;
    }

    /** @throws IllegalArgumentException if the type is none of {@link #dtypes()} */
    static void check(DType dtype) {
        if (!DTYPES.contains(dtype)) {
            throw new IllegalArgumentException("the cpu engine has no " + dtype + "; it has " + DTYPES);
        }
    }

    @Override
    public Storage allocate(long size, DType dtype) {
        check(dtype);
        return PersistentMemory.zeroed(memory, size, dtype);
    }

    @Override
    public Arena openArena() {
        return new CpuArena(memory);
    }

    @Override
    public EngineStats stats() {
        return memory.stats(workers.calls());
    }

    /** An operand that may be null, as the address 0. */
    private static long addressOrZero(Storage storage) {
        return storage == null ? 0 : address(storage);
    }

    @Override
    public void write(float[] host, int offset, int length, Storage out) {
        try (Worker w = workers.enter()) {
            w.store(host, offset, length, address(out));
        }
    }

    @Override
    public void write(double[] host, int offset, int length, Storage out) {
        try (Worker w = workers.enter()) {
            long to = address(out);
            float[] tile = w.tile(0);
            for (int i = 0; i < length; i += TILE) {
                int n = Math.min(TILE, length - i);
                for (int j = 0; j < n; j++) {
                    tile[j] = (float) host[offset + i + j];
                }
                w.store(tile, n, to + (long) Float.BYTES * i);
            }
        }
    }

    @Override
    public void read(Storage x, float[] host, int offset, int length) {
        try (Worker w = workers.enter()) {
            w.load(address(x), host, offset, length);
        }
    }

    @Override
    public void read(Storage x, double[] host, int offset, int length) {
        try (Worker w = workers.enter()) {
            long from = address(x);
            float[] tile = w.tile(0);
            for (int i = 0; i < length; i += TILE) {
                int n = Math.min(TILE, length - i);
                w.load(from + (long) Float.BYTES * i, tile, n);
                for (int j = 0; j < n; j++) {
                    host[offset + i + j] = tile[j];
                }
            }
        }
    }

    @Override
    public void fill(Storage out, double value) {
        try (Worker w = workers.enter()) {
            Elementwise.fill(w, address(out), out.size(), (float) value);
        }
    }

    @Override
    public void copy(Storage x, Storage out) {
        try (Worker w = workers.enter()) {
            w.copy(address(x), address(out), x.size());
        }
    }

    @Override
    public void copyBlocks(
            Storage x,
            long xOffset,
            long xStride,
            Storage out,
            long outOffset,
            long outStride,
            long length,
            long count) {
        try (Worker w = workers.enter()) {
            Copies.blocks(w, address(x), xOffset, xStride, address(out), outOffset, outStride, length, count);
        }
    }

    @Override
    public void permute(Storage x, int[] dims, int[] axes, Storage out) {
        try (Worker w = workers.enter()) {
            if (x.size() > 0) {
                Copies.permute(w, address(x), dims, axes, address(out));
            }
        }
    }

    @Override
    public void unary(Unary op, Storage x, Storage out) {
        try (Worker w = workers.enter()) {
            if (op == Unary.LOG) {
                Logarithms.ofElements(w, address(x), x.size(), address(out));
            } else {
                w.kernel(KernelKey.elements(op)).run(x.size(), address(x), address(out));
            }
        }
    }

    @Override
    public void unaryGrad(Unary op, Storage x, Storage dy, Storage dx) {
        try (Worker w = workers.enter()) {
            w.kernel(KernelKey.elements(op, Variant.GRADIENT)).run(x.size(), address(x), address(dy), address(dx));
        }
    }

    @Override
    public void binary(Binary op, Storage a, int[] aStrides, Storage b, int[] bStrides, int[] dims, Storage out) {
        try (Worker w = workers.enter()) {
            if (out.size() > 0) {
                Elementwise.binary(w, op, address(a), aStrides, address(b), bStrides, dims, address(out));
            }
        }
    }

    @Override
    public void gated(Unary op, Storage gate, Storage up, Storage out) {
        try (Worker w = workers.enter()) {
            Gated.forward(w, op, address(gate), address(up), gate.size(), address(out));
        }
    }

    @Override
    public void gatedGrad(Unary op, Storage gate, Storage up, Storage dy, Storage dgate, Storage dup) {
        try (Worker w = workers.enter()) {
            Gated.gradient(w, op, address(gate), address(up), address(dy), gate.size(), address(dgate), address(dup));
        }
    }

    @Override
    public void affine(Storage x, double scale, double shift, Storage out) {
        try (Worker w = workers.enter()) {
            Elementwise.affine(w, address(x), (float) scale, (float) shift, x.size(), address(out));
        }
    }

    @Override
    public void accumulate(double scale, Storage x, Storage out) {
        try (Worker w = workers.enter()) {
            Elementwise.accumulate(w, (float) scale, address(x), x.size(), address(out));
        }
    }

    @Override
    public void sum(Storage x, int outer, int n, int inner, Storage out) {
        try (Worker w = workers.enter()) {
            Sums.sum(w, address(x), outer, n, inner, address(out));
        }
    }

    @Override
    public void matmul(Matmul form, Storage a, Storage b, Storage out) {
        try (Worker w = workers.enter()) {
            Products.matmul(w, form, address(a), address(b), address(out));
        }
    }

    @Override
    public void linear(Storage x, Storage w, Storage bias, int rows, int in, int out, Storage y) {
        try (Worker worker = workers.enter()) {
            Products.linear(worker, address(x), address(w), addressOrZero(bias), rows, in, out, address(y));
        }
    }

    private void rowsGrad(KernelKey key, int rows, Storage y, Storage dy, Storage dx) {
        try (Worker w = workers.enter()) {
            w.kernel(key).run(rows, address(y), address(dy), address(dx));
        }
    }

    @Override
    public void softmax(Storage x, int rows, int columns, Storage y) {
        try (Worker w = workers.enter()) {
            w.kernel(KernelKey.rows(RowOperation.SOFTMAX, columns)).run(rows, address(x), address(y));
        }
    }

    @Override
    public void softmaxGrad(Storage y, Storage dy, int rows, int columns, Storage dx) {
        rowsGrad(KernelKey.rows(RowOperation.SOFTMAX, Variant.GRADIENT, columns), rows, y, dy, dx);
    }

    @Override
    public void logSoftmax(Storage x, int rows, int columns, Storage y) {
        try (Worker w = workers.enter()) {
            Logarithms.ofSoftmax(w, address(x), rows, columns, address(y));
        }
    }

    @Override
    public void logSoftmaxGrad(Storage y, Storage dy, int rows, int columns, Storage dx) {
        rowsGrad(KernelKey.rows(RowOperation.LOG_SOFTMAX_GRADIENT, Variant.GRADIENT, columns), rows, y, dy, dx);
    }

    @Override
    public void layerNorm(
            Storage x,
            Storage gamma,
            Storage beta,
            int rows,
            int columns,
            double eps,
            Storage y,
            Storage mean,
            Storage rstd) {
        try (Worker w = workers.enter()) {
            LayerNorm.forward(
                    w,
                    address(x),
                    address(gamma),
                    address(beta),
                    rows,
                    columns,
                    (float) eps,
                    address(y),
                    address(mean),
                    address(rstd));
        }
    }

    @Override
    public void layerNormGrad(
            Storage x,
            Storage gamma,
            Storage mean,
            Storage rstd,
            Storage dy,
            int rows,
            int columns,
            Storage dx,
            Storage dgamma,
            Storage dbeta) {
        try (Worker w = workers.enter()) {
            long xs = address(x);
            long means = address(mean);
            long rstds = address(rstd);
            long dys = address(dy);
            if (dx != null) {
                LayerNorm.inputGradient(w, xs, address(gamma), means, rstds, dys, rows, columns, address(dx));
            }
            if (dgamma != null || dbeta != null) {
                LayerNorm.parameterGradients(
                        w, xs, means, rstds, dys, rows, columns, addressOrZero(dgamma), addressOrZero(dbeta));
            }
        }
    }

    @Override
    public void rmsNorm(Storage x, Storage gamma, int rows, int columns, double eps, Storage y, Storage rrms) {
        try (Worker w = workers.enter()) {
            RmsNorm.forward(w, address(x), address(gamma), rows, columns, eps, address(y), address(rrms));
        }
    }

    @Override
    public void rmsNormGrad(
            Storage x, Storage gamma, Storage rrms, Storage dy, int rows, int columns, Storage dx, Storage dgamma) {
        try (Worker w = workers.enter()) {
            RmsNorm.gradient(
                    w,
                    address(x),
                    address(gamma),
                    address(rrms),
                    address(dy),
                    rows,
                    columns,
                    addressOrZero(dx),
                    addressOrZero(dgamma));
        }
    }

    @Override
    public void rotary(
            Storage x, int rows, int heads, int headSize, float[] cos, float[] sin, boolean back, Storage out) {
        try (Worker w = workers.enter()) {
            Rotary.turn(w, address(x), rows, heads, headSize, cos, sin, back, address(out));
        }
    }

    @Override
    public void gatherRows(Storage table, int columns, int[] rows, Storage out) {
        try (Worker w = workers.enter()) {
            Copies.gather(w, address(table), columns, rows, address(out));
        }
    }

    @Override
    public void scatterAddRows(Storage x, int columns, int[] rows, Storage out) {
        try (Worker w = workers.enter()) {
            Copies.scatterAdd(w, address(x), columns, rows, address(out));
        }
    }

    @Override
    public void attention(AttentionLayout layout, Storage q, Storage k, Storage v, Storage out, Storage probabilities) {
        try (Worker w = workers.enter()) {
            new AttentionKernels(w, layout)
                    .forward(address(q), address(k), address(v), address(out), address(probabilities));
        }
    }

    @Override
    public void attentionGrad(
            AttentionLayout layout,
            Storage q,
            Storage k,
            Storage v,
            Storage probabilities,
            Storage dout,
            Storage dq,
            Storage dk,
            Storage dv) {
        try (Worker w = workers.enter()) {
            new AttentionKernels(w, layout)
                    .gradient(
                            address(q),
                            address(k),
                            address(v),
                            address(probabilities),
                            address(dout),
                            addressOrZero(dq),
                            addressOrZero(dk),
                            addressOrZero(dv));
        }
    }

    @Override
    public void crossEntropy(
            Storage logits, int rows, int classes, int[] labels, Storage losses, Storage probabilities) {
        try (Worker w = workers.enter()) {
            CrossEntropy.forward(w, address(logits), rows, classes, labels, address(losses), address(probabilities));
        }
    }

    @Override
    public void crossEntropyGrad(
            Storage probabilities, int rows, int classes, int[] labels, Storage dlosses, Storage dlogits) {
        try (Worker w = workers.enter()) {
            CrossEntropy.gradient(w, address(probabilities), rows, classes, labels, address(dlosses), address(dlogits));
        }
    }

    @Override
    public double sumOfSquares(Storage x) {
        try (Worker w = workers.enter()) {
            return Sums.ofSquares(w, address(x), x.size());
        }
    }

    @Override
    public void adam(AdamStep step, Storage parameter, Storage gradient, Storage firstMoment, Storage secondMoment) {
        try (Worker w = workers.enter()) {
            Elementwise.adam(
                    w,
                    step,
                    address(parameter),
                    address(gradient),
                    address(firstMoment),
                    address(secondMoment),
                    parameter.size());
        }
    }
}
