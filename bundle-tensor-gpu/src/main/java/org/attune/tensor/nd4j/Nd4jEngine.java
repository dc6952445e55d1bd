package org.attune.tensor.nd4j;

import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import org.attune.tensor.DType;
import org.attune.tensor.engine.AdamStep;
import org.attune.tensor.engine.Arena;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.EngineStats;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.engine.Unary;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Every kernel through ND4J's API, in float32: operands of 16 bits are widened into pooled memory, and results are rounded
 * from there. ND4J is loaded when the first storage is asked for. Thread-safe as the contract asks; a storage used after
 * closing throws {@link IllegalStateException}.
 */
class Nd4jEngine implements TensorEngine {
    /** Elements that are squared in float64 at once. */
    private static final int SQUARED_AT_ONCE = 1 << 20;

    private final Memory memory = new Memory();
    private final CausalMask mask = new CausalMask(memory);
    private final LongAdder kernelCalls = new LongAdder();

    /** Frees what the engine keeps; storages that are open free theirs when they are closed. No kernel may be running. */
    void close() {
        mask.close();
        memory.close();
    }

    private Call call() {
        kernelCalls.increment();
        return new Call(memory);
    }

    /** ND4J has no arrays without elements, so kernels skip them, after a check that every storage is open. */
    private static boolean isEmpty(Storage written, Storage... read) {
        ((Nd4jStorage) written).checkOpen();
        for (Storage s : read) {
            ((Nd4jStorage) s).checkOpen();
        }
        return written.size() == 0;
    }

    @Override
    public String name() {
        return "nd4j";
    }

    @Override
    public DType dtype() {
        return DType.FLOAT32;
    }

    @Override
    public Set<DType> dtypes() {
        return ElementTypes.ALL;
    }

    // ---- memory ----

    @Override
    public Storage allocate(long size, DType dtype) {
        return memory.allocatePersistent(size, dtype);
    }

    @Override
    public Arena openArena() {
        return memory.openArena();
    }

    @Override
    public EngineStats stats() {
        return memory.stats(kernelCalls.sum());
    }

    @Override
    public void write(float[] host, int offset, int length, Storage out) {
        if (!isEmpty(out) && length > 0) {
            Call.write(host, offset, length, ((Nd4jStorage) out).array(length));
        }
    }

    @Override
    public void write(double[] host, int offset, int length, Storage out) {
        float[] piece = new float[Math.min(length, Call.PIECE)];
        for (int at = 0; at < length; at += piece.length) {
            int n = Math.min(piece.length, length - at);
            for (int i = 0; i < n; i++) {
                piece[i] = (float) host[offset + at + i];
            }
            write(piece, 0, n, out.slice(at, n));
        }
    }

    @Override
    public void read(Storage x, float[] host, int offset, int length) {
        if (isEmpty(x) || length == 0) {
            return;
        }
        try (Call call = new Call(memory)) {
            INDArray all = call.raw(x);
            DataBuffer piece = call.scratch(Call.PIECE).data();
            for (int at = 0; at < length; at += Call.PIECE) {
                int n = Math.min(Call.PIECE, length - at);
                Views.rowMajor(piece, n).assign(Views.strided(all, at, new long[] {n}, new long[] {1}));
                Nd4j.getExecutioner().commit();
                piece.asNioFloat().get(host, offset + at, n);
            }
        }
    }

    @Override
    public void read(Storage x, double[] host, int offset, int length) {
        float[] piece = new float[Math.min(length, Call.PIECE)];
        for (int at = 0; at < length; at += piece.length) {
            int n = Math.min(piece.length, length - at);
            read(x.slice(at, n), piece, 0, n);
            for (int i = 0; i < n; i++) {
                host[offset + at + i] = piece[i];
            }
        }
    }

    // ---- moving ----

    @Override
    public void fill(Storage out, double value) {
        if (isEmpty(out)) {
            return;
        }
        try (Call call = call()) {
            call.out(out).assign(value);
        }
    }

    @Override
    public void copy(Storage x, Storage out) {
        if (isEmpty(out, x)) {
            return;
        }
        try (Call call = call()) {
            call.raw(out).assign(call.raw(x));
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
        if (isEmpty(out, x) || length == 0 || count == 0) {
            return;
        }
        try (Call call = call()) {
            Copies.blocks(call.raw(x), xOffset, xStride, call.raw(out), outOffset, outStride, length, count);
        }
    }

    @Override
    public void permute(Storage x, int[] dims, int[] axes, Storage out) {
        if (isEmpty(out, x)) {
            return;
        }
        try (Call call = call()) {
            Copies.permute(call.raw(x), dims, axes, call.raw(out));
        }
    }

    @Override
    public void gatherRows(Storage table, int columns, int[] rows, Storage out) {
        if (isEmpty(out, table)) {
            return;
        }
        try (Call call = call()) {
            INDArray from = call.raw(table, table.size() / columns, columns);
            INDArray to = call.raw(out, rows.length, columns);
            INDArray gathered = to;
            if (table.dtype() != out.dtype()) {
                gathered = call.scratch(from.dataType(), rows.length, columns);
            }
            Ops.gather(from, call.rows(rows), gathered);
            if (gathered != to) {
                to.assign(gathered);
            }
        }
    }

    @Override
    public void scatterAddRows(Storage x, int columns, int[] rows, Storage out) {
        if (isEmpty(out, x) || rows.length == 0) {
            return;
        }
        try (Call call = call()) {
            Ops.scatterAdd(
                    call.in(x, rows.length, columns), call.rows(rows), call.inOut(out, out.size() / columns, columns));
        }
    }

    // ---- element-wise and sums ----

    @Override
    public void unary(Unary op, Storage x, Storage out) {
        if (isEmpty(out, x)) {
            return;
        }
        try (Call call = call()) {
            Functions.value(op, call.in(x), call.out(out));
        }
    }

    @Override
    public void unaryGrad(Unary op, Storage x, Storage dy, Storage dx) {
        if (isEmpty(dx, x, dy)) {
            return;
        }
        try (Call call = call()) {
            INDArray slope = call.scratch(x.size());
            Functions.derivative(call, op, call.in(x), slope);
            Ops.mul(slope, call.in(dy), call.out(dx));
        }
    }

    @Override
    public void binary(Binary op, Storage a, int[] aStrides, Storage b, int[] bStrides, int[] dims, Storage out) {
        if (isEmpty(out, a, b)) {
            return;
        }
        try (Call call = call()) {
            new Broadcasting(dims, aStrides, bStrides).apply(op, call.in(a), call.in(b), call.out(out));
        }
    }

    @Override
    public void gated(Unary op, Storage gate, Storage up, Storage out) {
        if (isEmpty(out, gate, up)) {
            return;
        }
        try (Call call = call()) {
            INDArray y = call.out(out);
            Functions.value(op, call.in(gate), y);
            Ops.mul(y, call.in(up), y);
        }
    }

    @Override
    public void gatedGrad(Unary op, Storage gate, Storage up, Storage dy, Storage dgate, Storage dup) {
        if (isEmpty(dgate, gate, up, dy, dup)) {
            return;
        }
        try (Call call = call()) {
            INDArray x = call.in(gate);
            INDArray gradient = call.in(dy);
            INDArray gateGradient = call.out(dgate);
            Functions.derivative(call, op, x, gateGradient);
            Ops.mul(gateGradient, call.in(up), gateGradient);
            Ops.mul(gateGradient, gradient, gateGradient);
            INDArray upGradient = call.out(dup);
            Functions.value(op, x, upGradient);
            Ops.mul(upGradient, gradient, upGradient);
        }
    }

    @Override
    public void affine(Storage x, double scale, double shift, Storage out) {
        if (isEmpty(out, x)) {
            return;
        }
        try (Call call = call()) {
            INDArray y = call.out(out);
            Ops.mul(call.in(x), scale, y);
            if (shift != 0) {
                Ops.add(y, shift, y);
            }
        }
    }

    @Override
    public void accumulate(double scale, Storage x, Storage out) {
        if (isEmpty(out, x)) {
            return;
        }
        try (Call call = call()) {
            Ops.accumulate(scale, call.in(x), call.inOut(out));
        }
    }

    @Override
    public void sum(Storage x, int outer, int n, int inner, Storage out) {
        if (isEmpty(out, x)) {
            return;
        }
        if (n == 0) {
            fill(out, 0);
            return;
        }
        try (Call call = call()) {
            if (outer == 1 && inner > 1) {
                Products.sumRows(call, call.in(x, n, inner), call.out(out));
            } else {
                Ops.sum(call.in(x, outer, n, inner), 1, call.out(out, outer, 1, inner));
            }
        }
    }

    @Override
    public double sumOfSquares(Storage x) {
        double sum = 0;
        if (isEmpty(x)) {
            return sum;
        }
        try (Call call = call()) {
            INDArray all = call.raw(x);
            DataBuffer wide = call.scratch(DataType.DOUBLE, Math.min(x.size(), SQUARED_AT_ONCE))
                    .data();
            INDArray squares = call.scratch(DataType.DOUBLE, 1, 1);
            for (long at = 0; at < x.size(); at += SQUARED_AT_ONCE) {
                long n = Math.min(SQUARED_AT_ONCE, x.size() - at);
                INDArray row = Views.rowMajor(wide, 1, n);
                row.assign(Views.strided(all, at, new long[] {1, n}, new long[] {n, 1}));
                Ops.squaresOfRows(row, squares);
                sum += squares.getDouble(0);
            }
        }
        return sum;
    }

    // ---- matrices ----

    @Override
    public void matmul(Matmul form, Storage a, Storage b, Storage out) {
        if (isEmpty(out, a, b)) {
            return;
        }
        if (form.k() == 0) {
            if (form.beta() == 0) {
                fill(out, 0); // NaN times 0 is no 0
            } else {
                affine(out, form.beta(), 0, out);
            }
            return;
        }
        try (Call call = call()) {
            INDArray y = form.beta() == 0 ? call.out(out) : call.inOut(out);
            Products.multiply(form, call.in(a), call.in(b), y);
        }
    }

    @Override
    public void linear(Storage x, Storage w, Storage bias, int rows, int in, int out, Storage y) {
        if (isEmpty(y, x, w)) {
            return;
        }
        try (Call call = call()) {
            INDArray result = call.out(y, rows, out);
            Products.multiply(Matmul.of(rows, out, in, false, true), call.in(x), call.in(w), result);
            if (bias != null) {
                Ops.add(result, call.in(bias, 1, out), result);
            }
        }
    }

    // ---- by row ----

    @Override
    public void softmax(Storage x, int rows, int columns, Storage y) {
        if (isEmpty(y, x)) {
            return;
        }
        try (Call call = call()) {
            Rows.softmax(call, call.in(x, rows, columns), call.out(y, rows, columns));
        }
    }

    @Override
    public void softmaxGrad(Storage y, Storage dy, int rows, int columns, Storage dx) {
        if (isEmpty(dx, y, dy)) {
            return;
        }
        try (Call call = call()) {
            Rows.softmaxGrad(call, call.in(y, rows, columns), call.in(dy, rows, columns), call.out(dx, rows, columns));
        }
    }

    @Override
    public void logSoftmax(Storage x, int rows, int columns, Storage y) {
        if (isEmpty(y, x)) {
            return;
        }
        try (Call call = call()) {
            Rows.logSoftmax(call, call.in(x, rows, columns), call.out(y, rows, columns));
        }
    }

    @Override
    public void logSoftmaxGrad(Storage y, Storage dy, int rows, int columns, Storage dx) {
        if (isEmpty(dx, y, dy)) {
            return;
        }
        try (Call call = call()) {
            Rows.logSoftmaxGrad(
                    call, call.in(y, rows, columns), call.in(dy, rows, columns), call.out(dx, rows, columns));
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
        if (isEmpty(y, x, gamma, beta, mean, rstd)) {
            return;
        }
        try (Call call = call()) {
            Norms.layer(
                    call,
                    call.in(x, rows, columns),
                    call.in(gamma, 1, columns),
                    call.in(beta, 1, columns),
                    eps,
                    call.out(y, rows, columns),
                    call.out(mean, rows, 1),
                    call.out(rstd, rows, 1));
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
        if (isEmpty(x, gamma, mean, rstd, dy)) {
            clear(dgamma, dbeta);
            return;
        }
        try (Call call = call()) {
            Norms.layerGrad(
                    call,
                    call.in(x, rows, columns),
                    call.in(gamma, 1, columns),
                    call.in(mean, rows, 1),
                    call.in(rstd, rows, 1),
                    call.in(dy, rows, columns),
                    wanted(call, dx, rows, columns),
                    wanted(call, dgamma, columns),
                    wanted(call, dbeta, columns));
        }
    }

    @Override
    public void rmsNorm(Storage x, Storage gamma, int rows, int columns, double eps, Storage y, Storage rrms) {
        if (isEmpty(y, x, gamma, rrms)) {
            return;
        }
        try (Call call = call()) {
            Norms.rootMeanSquare(
                    call.in(x, rows, columns),
                    call.in(gamma, 1, columns),
                    eps,
                    call.out(y, rows, columns),
                    call.out(rrms, rows, 1));
        }
    }

    @Override
    public void rmsNormGrad(
            Storage x, Storage gamma, Storage rrms, Storage dy, int rows, int columns, Storage dx, Storage dgamma) {
        if (isEmpty(x, gamma, rrms, dy)) {
            clear(dgamma);
            return;
        }
        try (Call call = call()) {
            Norms.rootMeanSquareGrad(
                    call,
                    call.in(x, rows, columns),
                    call.in(gamma, 1, columns),
                    call.in(rrms, rows, 1),
                    call.in(dy, rows, columns),
                    wanted(call, dx, rows, columns),
                    wanted(call, dgamma, columns));
        }
    }

    private static INDArray wanted(Call call, Storage s, long... shape) {
        return s == null ? null : call.out(s, shape);
    }

    /** The gradients from no rows at all. */
    private void clear(Storage... gradients) {
        for (Storage s : gradients) {
            if (s != null) {
                fill(s, 0);
            }
        }
    }

    @Override
    public void rotary(
            Storage x, int rows, int heads, int headSize, float[] cos, float[] sin, boolean back, Storage out) {
        if (isEmpty(out, x)) {
            return;
        }
        try (Call call = call()) {
            int half = headSize / 2;
            INDArray sines = call.floats(Arrays.copyOf(sin, rows * half), rows, 1, half);
            if (back) {
                Ops.mul(sines, -1, sines);
            }
            INDArray cosines = call.floats(Arrays.copyOf(cos, rows * half), rows, 1, half);
            Rotary.turn(call, call.in(x), rows, heads, headSize, cosines, sines, call.out(out));
        }
    }

    // ---- attention and losses ----

    @Override
    public void attention(AttentionLayout layout, Storage q, Storage k, Storage v, Storage out, Storage probabilities) {
        if (isEmpty(out, q, k, v, probabilities)) {
            return;
        }
        try (Call call = call()) {
            new Attention(call, layout, mask)
                    .forward(call.in(q), call.in(k), call.in(v), call.out(out), call.out(probabilities));
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
        if (isEmpty(q, k, v, probabilities, dout)) {
            clear(dk, dv);
            return;
        }
        try (Call call = call()) {
            new Attention(call, layout, mask)
                    .backward(
                            call.in(q),
                            call.in(k),
                            call.in(v),
                            call.in(probabilities),
                            call.in(dout),
                            wanted(call, dq, q.size()),
                            wanted(call, dk, k.size()),
                            wanted(call, dv, v.size()));
        }
    }

    @Override
    public void crossEntropy(
            Storage logits, int rows, int classes, int[] labels, Storage losses, Storage probabilities) {
        if (isEmpty(losses, logits, probabilities)) {
            return;
        }
        try (Call call = call()) {
            CrossEntropy.forward(
                    call,
                    call.in(logits, rows, classes),
                    labels,
                    call.out(losses, rows, 1),
                    call.out(probabilities, rows, classes));
        }
    }

    @Override
    public void crossEntropyGrad(
            Storage probabilities, int rows, int classes, int[] labels, Storage dlosses, Storage dlogits) {
        if (isEmpty(dlogits, probabilities, dlosses)) {
            return;
        }
        try (Call call = call()) {
            CrossEntropy.backward(
                    call,
                    call.in(probabilities, rows, classes),
                    labels,
                    call.in(dlosses, rows, 1),
                    call.out(dlogits, rows, classes));
        }
    }

    // ---- the optimiser ----

    @Override
    public void adam(AdamStep step, Storage parameter, Storage gradient, Storage firstMoment, Storage secondMoment) {
        if (isEmpty(parameter, gradient, firstMoment, secondMoment)) {
            return;
        }
        try (Call call = call()) {
            Adam.step(
                    call,
                    step,
                    call.inOut(parameter),
                    call.in(gradient),
                    call.inOut(firstMoment),
                    call.inOut(secondMoment));
        }
    }
}
