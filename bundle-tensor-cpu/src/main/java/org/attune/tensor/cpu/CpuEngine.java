package org.attune.tensor.cpu;

import static org.attune.tensor.cpu.CpuStorage.address;
import static org.attune.tensor.cpu.CpuStorage.target;
import static org.attune.tensor.cpu.Worker.TILE;

import java.nio.ByteBuffer;
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
import org.attune.tensor.io.BlockType;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;

/**
 * Float32 and bfloat16 on oneDNN. Each call checks its storages, borrows the thread's {@link Worker} and hands it bare addresses. What
 * has no bfloat16 kernel of its own runs in float32 on converted operands.
 */
@Component(
        service = TensorEngine.class,
        property = {
            "osgi.ds.satisfying.condition.target=(osgi.condition.id=attune.natives.onednn)",
            "service.ranking:Integer=20"
        })
@AttunePlugin(name = "cpu", description = "float32 and bfloat16 on oneDNN, one thread per worker")
public final class CpuEngine implements TensorEngine {
    private static final Set<DType> DTYPES = Collections.unmodifiableSet(EnumSet.of(DType.FLOAT32, DType.BFLOAT16));

    private static final Set<BlockType> BLOCK_TYPES = Collections.unmodifiableSet(EnumSet.allOf(BlockType.class));

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
    public Set<BlockType> blockTypes() {
        return BLOCK_TYPES;
    }

    @Override
    public Storage allocateBlocks(BlockType type, long size, DType dtype) {
        check(dtype);
        return BlockStorage.allocate(memory, type, size, dtype);
    }

    @Override
    public void writeBlocks(ByteBuffer blocks, Storage out) {
        try (Worker w = workers.enter()) {
            w.blocks().write(blocks, (BlockStorage) out);
        }
    }

    @Override
    public Arena openArena() {
        return new CpuArena(memory);
    }

    @Override
    public EngineStats stats() {
        return memory.stats(workers.calls());
    }

    @Override
    public void write(float[] host, int offset, int length, Storage out) {
        Storage start = out.slice(0, length);
        CpuStorage.target(out);
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            w.store(host, offset, length, o.out(start));
        }
    }

    @Override
    public void write(double[] host, int offset, int length, Storage out) {
        Storage start = out.slice(0, length);
        CpuStorage.target(out);
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            long to = o.out(start);
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
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            if (x instanceof BlockStorage blocks) {
                w.blocks().read(blocks, 0, host, offset, length);
            } else {
                w.load(o.in(x.slice(0, length)), host, offset, length);
            }
        }
    }

    @Override
    public void read(Storage x, double[] host, int offset, int length) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            BlockStorage blocks = x instanceof BlockStorage b ? b : null;
            long from = blocks == null ? o.in(x.slice(0, length)) : 0;
            float[] tile = w.tile(0);
            for (int i = 0; i < length; i += TILE) {
                int n = Math.min(TILE, length - i);
                if (blocks == null) {
                    w.load(from + (long) Float.BYTES * i, tile, n);
                } else {
                    w.blocks().read(blocks, i, tile, 0, n);
                }
                for (int j = 0; j < n; j++) {
                    host[offset + i + j] = tile[j];
                }
            }
        }
    }

    @Override
    public void fill(Storage out, double value) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            if (value == 0) {
                w.zeroBytes(target(out), out.dtype().bytes() * out.size());
            } else {
                Elementwise.fill(w, o.out(out), out.size(), (float) value);
            }
        }
    }

    @Override
    public void copy(Storage x, Storage out) {
        try (Worker w = workers.enter()) {
            long to = target(out);
            if (x instanceof BlockStorage blocks) {
                w.blocks().copy(blocks, out);
            } else {
                w.convert(address(x), x.dtype(), to, out.dtype(), x.size());
            }
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
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            if (x.dtype() == out.dtype() && !(x instanceof BlockStorage)) {
                int size = x.dtype().bytes();
                Copies.blocks(
                        w,
                        address(x) + size * xOffset,
                        size * xStride,
                        target(out) + size * outOffset,
                        size * outStride,
                        size * length,
                        count);
            } else {
                int size = Float.BYTES;
                Copies.blocks(
                        w,
                        o.in(x) + size * xOffset,
                        size * xStride,
                        o.update(out) + size * outOffset,
                        size * outStride,
                        size * length,
                        count);
            }
        }
    }

    @Override
    public void permute(Storage x, int[] dims, int[] axes, Storage out) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            if (x.size() > 0) {
                Copies.permute(w, o.in(x), dims, axes, o.out(out));
            }
        }
    }

    @Override
    public void unary(Unary op, Storage x, Storage out) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            if (op == Unary.LOG) {
                Logarithms.ofElements(w, o.in(x), x.size(), o.out(out));
            } else {
                DType t = w.common(x, out);
                w.kernel(KernelKey.elements(op, t)).run(x.size(), o.in(x, t), o.out(out, t));
            }
        }
    }

    @Override
    public void unaryGrad(Unary op, Storage x, Storage dy, Storage dx) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            DType t = w.common(x, dy, dx);
            w.kernel(KernelKey.elements(op, Variant.GRADIENT, t)).run(x.size(), o.in(x, t), o.in(dy, t), o.out(dx, t));
        }
    }

    @Override
    public void binary(Binary op, Storage a, int[] aStrides, Storage b, int[] bStrides, int[] dims, Storage out) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            if (out.size() == 0) {
                return;
            }
            DType t = w.common(a, b, out);
            if (t != DType.FLOAT32 && Broadcast.of(dims, aStrides, bStrides).isDense()) {
                w.kernel(KernelKey.elements(op, t)).run(out.size(), o.in(a, t), o.in(b, t), o.out(out, t));
            } else {
                Elementwise.binary(w, op, o.in(a), aStrides, o.in(b), bStrides, dims, o.out(out));
            }
        }
    }

    @Override
    public void gated(Unary op, Storage gate, Storage up, Storage out) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            DType t = w.common(gate, up, out);
            Gated.forward(w, op, t, o.in(gate, t), o.in(up, t), gate.size(), o.out(out, t));
        }
    }

    @Override
    public void gatedGrad(Unary op, Storage gate, Storage up, Storage dy, Storage dgate, Storage dup) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            DType t = w.common(gate, up, dy, dgate, dup);
            Gated.gradient(
                    w, op, t, o.in(gate, t), o.in(up, t), o.in(dy, t), gate.size(), o.out(dgate, t), o.out(dup, t));
        }
    }

    @Override
    public void affine(Storage x, double scale, double shift, Storage out) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            Elementwise.affine(w, o.in(x), (float) scale, (float) shift, x.size(), o.out(out));
        }
    }

    @Override
    public void accumulate(double scale, Storage x, Storage out) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            DType t = w.common(x, out);
            if (t != DType.FLOAT32 && scale == 1) {
                long sum = target(out);
                w.kernel(KernelKey.elements(Binary.ADD, t)).run(x.size(), sum, address(x), sum);
            } else {
                Elementwise.accumulate(w, (float) scale, o.in(x), x.size(), o.update(out));
            }
        }
    }

    @Override
    public void sum(Storage x, int outer, int n, int inner, Storage out) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            Sums.sum(w, o.in(x), outer, n, inner, o.out(out));
        }
    }

    @Override
    public void matmul(Matmul form, Storage a, Storage b, Storage out) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            Products.matmul(w, o, form, a, b, out);
        }
    }

    @Override
    public void linear(Storage x, Storage w, Storage bias, int rows, int in, int out, Storage y) {
        try (Worker worker = workers.enter();
                Operands o = worker.operands()) {
            Products.linear(worker, o, x, w, bias, rows, in, out, y);
        }
    }

    @Override
    public void linearColumns(
            Storage x, Storage w, Storage bias, int rows, int in, int out, int from, int to, Storage y) {
        try (Worker worker = workers.enter();
                Operands o = worker.operands()) {
            Products.linearColumns(worker, o, x, w, bias, rows, in, out, from, to, y);
        }
    }

    @Override
    public void softmax(Storage x, int rows, int columns, Storage y) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            w.kernel(KernelKey.rows(RowOperation.SOFTMAX, columns)).run(rows, o.in(x), o.out(y));
        }
    }

    @Override
    public void softmaxGrad(Storage y, Storage dy, int rows, int columns, Storage dx) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            if (w.computesBfloat16()) {
                w.kernel(KernelKey.rows(RowOperation.SOFTMAX, Variant.GRADIENT, columns))
                        .run(rows, o.in(y), o.in(dy), o.out(dx));
            } else {
                SoftmaxGradient.run(w, rows, columns, o.in(y), o.in(dy), o.out(dx));
            }
        }
    }

    @Override
    public void logSoftmax(Storage x, int rows, int columns, Storage y) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            Logarithms.ofSoftmax(w, o.in(x), rows, columns, o.out(y));
        }
    }

    @Override
    public void logSoftmaxGrad(Storage y, Storage dy, int rows, int columns, Storage dx) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            w.kernel(KernelKey.rows(RowOperation.LOG_SOFTMAX_GRADIENT, Variant.GRADIENT, columns))
                    .run(rows, o.in(y), o.in(dy), o.out(dx));
        }
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
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            DType t = w.common(x, y);
            LayerNorm.forward(
                    w,
                    t,
                    o.in(x, t),
                    o.in(gamma),
                    o.in(beta),
                    rows,
                    columns,
                    (float) eps,
                    o.out(y, t),
                    o.out(mean),
                    o.out(rstd));
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
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            DType t = w.common(x, dy, dx);
            long means = o.in(mean);
            long rstds = o.in(rstd);
            if (dgamma != null || dbeta != null) {
                LayerNorm.parameterGradients(
                        w, o.in(x), means, rstds, o.in(dy), rows, columns, o.out(dgamma), o.out(dbeta));
            }
            if (dx != null) {
                LayerNorm.inputGradient(
                        w, t, o.in(x, t), o.in(gamma), means, rstds, o.in(dy, t), rows, columns, o.out(dx, t));
            }
        }
    }

    @Override
    public void rmsNorm(Storage x, Storage gamma, int rows, int columns, double eps, Storage y, Storage rrms) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            target(y);
            RmsNorm.forward(w, x, o.in(gamma), rows, columns, eps, y, o.out(rrms));
        }
    }

    @Override
    public void rmsNormGrad(
            Storage x, Storage gamma, Storage rrms, Storage dy, int rows, int columns, Storage dx, Storage dgamma) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            if (dx != null) {
                target(dx);
            }
            RmsNorm.gradient(w, x, o.in(gamma), o.in(rrms), dy, rows, columns, dx, o.out(dgamma));
        }
    }

    @Override
    public void rotary(
            Storage x, int rows, int heads, int headSize, float[] cos, float[] sin, boolean back, Storage out) {
        try (Worker w = workers.enter()) {
            target(out);
            Rotary.turn(w, x, rows, heads, headSize, cos, sin, back, out);
        }
    }

    @Override
    public void gatherRows(Storage table, int columns, int[] rows, Storage out) {
        try (Worker w = workers.enter()) {
            long to = target(out);
            if (table instanceof BlockStorage blocks) {
                w.blocks().gather(blocks, columns, rows, out);
            } else {
                Copies.gather(w, address(table), table.dtype(), columns, rows, to, out.dtype());
            }
        }
    }

    @Override
    public void scatterAddRows(Storage x, int columns, int[] rows, Storage out) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            Copies.scatterAdd(w, o.in(x), columns, rows, o.update(out));
        }
    }

    @Override
    public void attention(AttentionLayout layout, Storage q, Storage k, Storage v, Storage out, Storage probabilities) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            DType t = w.common(q, k, v, out, probabilities);
            new AttentionKernels(w, layout, t)
                    .forward(o.in(q, t), o.in(k, t), o.in(v, t), o.out(out, t), o.out(probabilities, t));
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
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            DType t = w.common(q, k, v, probabilities, dout, dq, dk, dv);
            new AttentionKernels(w, layout, t)
                    .gradient(
                            o.in(q, t),
                            o.in(k, t),
                            o.in(v, t),
                            o.in(probabilities, t),
                            o.in(dout, t),
                            o.out(dq, t),
                            o.out(dk, t),
                            o.out(dv, t));
        }
    }

    @Override
    public void crossEntropy(
            Storage logits, int rows, int classes, int[] labels, Storage losses, Storage probabilities) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            CrossEntropy.forward(w, o.in(logits), rows, classes, labels, o.out(losses), o.out(probabilities));
        }
    }

    @Override
    public void crossEntropyGrad(
            Storage probabilities, int rows, int classes, int[] labels, Storage dlosses, Storage dlogits) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            CrossEntropy.gradient(w, o.in(probabilities), rows, classes, labels, o.in(dlosses), o.out(dlogits));
        }
    }

    @Override
    public double sumOfSquares(Storage x) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            return Sums.ofSquares(w, o.in(x), x.size());
        }
    }

    @Override
    public void adam(AdamStep step, Storage parameter, Storage gradient, Storage firstMoment, Storage secondMoment) {
        try (Worker w = workers.enter();
                Operands o = w.operands()) {
            Elementwise.adam(
                    w,
                    step,
                    o.update(parameter),
                    o.in(gradient),
                    o.update(firstMoment),
                    o.update(secondMoment),
                    parameter.size());
        }
    }
}
