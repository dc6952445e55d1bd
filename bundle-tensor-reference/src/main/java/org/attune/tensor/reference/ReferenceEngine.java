package org.attune.tensor.reference;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import org.attune.plugin.AttunePlugin;
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
import org.attune.tensor.io.BlockType;
import org.osgi.service.component.annotations.Component;

/**
 * Every kernel as its formula reads, in plain Java and float64: what the other engines are measured against, and the one that
 * runs anywhere. A storage used after closing throws {@link IllegalStateException}; what an arena hands out is filled with
 * NaN, so that reading what was never written shows. Thread-safe as the contract asks.
 */
// Immediate: the blocks in its pool and its statistics must outlive the moments in which nobody holds the service.
@Component(service = TensorEngine.class, immediate = true)
@AttunePlugin(name = "reference", description = "plain Java in float64: slow, exact, runs on any platform")
public final class ReferenceEngine implements TensorEngine {
    private final Memory memory = new Memory();
    private final LongAdder kernelCalls = new LongAdder();

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public DType dtype() {
        return DType.FLOAT64;
    }

    // ---- memory ----

    @Override
    public Set<DType> dtypes() {
        return EnumSet.allOf(DType.class);
    }

    @Override
    public Storage allocate(long size, DType dtype) {
        return memory.allocatePersistent(size, dtype);
    }

    @Override
    public Set<BlockType> blockTypes() {
        return EnumSet.allOf(BlockType.class);
    }

    /** Here they are decoded as they are written: what other engines decode on the way is measured against that. */
    @Override
    public Storage allocateBlocks(BlockType type, long size, DType dtype) {
        return memory.allocateBlocks(type, size, dtype);
    }

    @Override
    public void writeBlocks(ByteBuffer blocks, Storage out) {
        BlockType type = ((DoubleStorage) out).blocks();
        ByteBuffer in = blocks.slice().order(ByteOrder.LITTLE_ENDIAN);
        float[] block = new float[type.elements()];
        double[] y = data(out);
        int to = offset(out);
        for (int from = 0; from < in.limit(); from += type.bytes(), to += block.length) {
            type.decode(in, from, block, 0);
            int n = Math.min(block.length, offset(out) + (int) out.size() - to);
            for (int i = 0; i < n; i++) {
                y[to + i] = block[i];
            }
        }
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
        double[] y = data(out);
        int yo = offset(out);
        for (int i = 0; i < length; i++) {
            y[yo + i] = host[offset + i];
        }
        round(out);
    }

    @Override
    public void write(double[] host, int offset, int length, Storage out) {
        System.arraycopy(host, offset, data(out), offset(out), length);
        round(out);
    }

    @Override
    public void read(Storage x, float[] host, int offset, int length) {
        double[] a = data(x);
        int ao = offset(x);
        for (int i = 0; i < length; i++) {
            host[offset + i] = (float) a[ao + i];
        }
    }

    @Override
    public void read(Storage x, double[] host, int offset, int length) {
        System.arraycopy(data(x), offset(x), host, offset, length);
    }

    // ---- moving ----

    @Override
    public void fill(Storage out, double value) {
        kernelCalls.increment();
        int yo = offset(out);
        Arrays.fill(data(out), yo, yo + length(out), value);
        round(out);
    }

    @Override
    public void copy(Storage x, Storage out) {
        kernelCalls.increment();
        System.arraycopy(data(x), offset(x), data(out), offset(out), length(x));
        round(out);
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
        kernelCalls.increment();
        double[] a = data(x);
        double[] y = data(out);
        for (long i = 0; i < count; i++) {
            int from = (int) (offset(x) + xOffset + i * xStride);
            int to = (int) (offset(out) + outOffset + i * outStride);
            System.arraycopy(a, from, y, to, (int) length);
        }
        round(out);
    }

    @Override
    public void permute(Storage x, int[] dims, int[] axes, Storage out) {
        kernelCalls.increment();
        int rank = dims.length;
        int[] xStrides = new int[rank];
        int stride = 1;
        for (int i = rank - 1; i >= 0; i--) {
            xStrides[i] = stride;
            stride *= dims[i];
        }
        int[] outDims = new int[rank];
        int[] strides = new int[rank];
        for (int i = 0; i < rank; i++) {
            outDims[i] = dims[axes[i]];
            strides[i] = xStrides[axes[i]];
        }
        double[] a = data(x);
        int ao = offset(x);
        double[] y = data(out);
        int yo = offset(out);
        StridedIndex from = new StridedIndex(outDims, strides);
        for (int i = 0; i < length(out); i++, from.next()) {
            y[yo + i] = a[ao + from.position()];
        }
        round(out);
    }

    @Override
    public void gatherRows(Storage table, int columns, int[] rows, Storage out) {
        kernelCalls.increment();
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(
                    data(table), offset(table) + rows[i] * columns, data(out), offset(out) + i * columns, columns);
        }
        round(out);
    }

    @Override
    public void scatterAddRows(Storage x, int columns, int[] rows, Storage out) {
        kernelCalls.increment();
        double[] a = data(x);
        double[] y = data(out);
        for (int i = 0; i < rows.length; i++) {
            int ao = offset(x) + i * columns;
            int yo = offset(out) + rows[i] * columns;
            for (int j = 0; j < columns; j++) {
                y[yo + j] += a[ao + j];
            }
        }
        round(out);
    }

    // ---- element-wise and sums ----

    @Override
    public void unary(Unary op, Storage x, Storage out) {
        kernelCalls.increment();
        double[] a = data(x);
        int ao = offset(x);
        double[] y = data(out);
        int yo = offset(out);
        for (int i = 0; i < length(x); i++) {
            y[yo + i] = Functions.value(op, a[ao + i]);
        }
        round(out);
    }

    @Override
    public void unaryGrad(Unary op, Storage x, Storage dy, Storage dx) {
        kernelCalls.increment();
        double[] a = data(x);
        int ao = offset(x);
        double[] g = data(dy);
        int go = offset(dy);
        double[] d = data(dx);
        int d0 = offset(dx);
        for (int i = 0; i < length(x); i++) {
            d[d0 + i] = Functions.derivative(op, a[ao + i]) * g[go + i];
        }
        round(dx);
    }

    @Override
    public void binary(Binary op, Storage a, int[] aStrides, Storage b, int[] bStrides, int[] dims, Storage out) {
        kernelCalls.increment();
        double[] as = data(a);
        int ao = offset(a);
        double[] bs = data(b);
        int bo = offset(b);
        double[] y = data(out);
        int yo = offset(out);
        StridedIndex ai = new StridedIndex(dims, aStrides);
        StridedIndex bi = new StridedIndex(dims, bStrides);
        for (int i = 0; i < length(out); i++, ai.next(), bi.next()) {
            double u = as[ao + ai.position()];
            double v = bs[bo + bi.position()];
            y[yo + i] = switch (op) {
                case ADD -> u + v;
                case SUB -> u - v;
                case MUL -> u * v;
                case DIV -> u / v;
            };
        }
        round(out);
    }

    @Override
    public void gated(Unary op, Storage gate, Storage up, Storage out) {
        kernelCalls.increment();
        for (int i = 0; i < length(gate); i++) {
            data(out)[offset(out) + i] = Functions.value(op, data(gate)[offset(gate) + i]) * data(up)[offset(up) + i];
        }
        round(out);
    }

    @Override
    public void gatedGrad(Unary op, Storage gate, Storage up, Storage dy, Storage dgate, Storage dup) {
        kernelCalls.increment();
        for (int i = 0; i < length(gate); i++) {
            double x = data(gate)[offset(gate) + i];
            double g = data(dy)[offset(dy) + i];
            data(dgate)[offset(dgate) + i] = Functions.derivative(op, x) * data(up)[offset(up) + i] * g;
            data(dup)[offset(dup) + i] = Functions.value(op, x) * g;
        }
        round(dgate, dup);
    }

    @Override
    public void affine(Storage x, double scale, double shift, Storage out) {
        kernelCalls.increment();
        double[] a = data(x);
        int ao = offset(x);
        double[] y = data(out);
        int yo = offset(out);
        for (int i = 0; i < length(x); i++) {
            y[yo + i] = scale * a[ao + i] + shift;
        }
        round(out);
    }

    @Override
    public void accumulate(double scale, Storage x, Storage out) {
        kernelCalls.increment();
        double[] a = data(x);
        int ao = offset(x);
        double[] y = data(out);
        int yo = offset(out);
        for (int i = 0; i < length(x); i++) {
            y[yo + i] += scale * a[ao + i];
        }
        round(out);
    }

    @Override
    public void sum(Storage x, int outer, int n, int inner, Storage out) {
        kernelCalls.increment();
        double[] a = data(x);
        double[] y = data(out);
        for (int o = 0; o < outer; o++) {
            int ao = offset(x) + o * n * inner;
            int yo = offset(out) + o * inner;
            Arrays.fill(y, yo, yo + inner, 0);
            for (int j = 0; j < n; j++) {
                for (int i = 0; i < inner; i++) {
                    y[yo + i] += a[ao + j * inner + i];
                }
            }
        }
        round(out);
    }

    @Override
    public double sumOfSquares(Storage x) {
        kernelCalls.increment();
        double[] a = data(x);
        int ao = offset(x);
        double sum = 0;
        for (int i = 0; i < length(x); i++) {
            sum += a[ao + i] * a[ao + i];
        }
        return sum;
    }

    // ---- matrices ----

    @Override
    public void matmul(Matmul form, Storage a, Storage b, Storage out) {
        kernelCalls.increment();
        product(form, a, b, out);
        round(out);
    }

    private static void product(Matmul form, Storage a, Storage b, Storage out) {
        int m = form.m();
        int n = form.n();
        int k = form.k();
        double[] y = data(out);
        for (int batch = 0; batch < form.batch(); batch++) {
            int ao = offset(a) + batch * m * k;
            int bo = offset(b) + (form.sharedB() ? 0 : batch * k * n);
            for (int i = 0; i < m; i++) {
                int row = offset(out) + (batch * m + i) * n;
                for (int j = 0; j < n; j++) {
                    y[row + j] = form.beta() == 0 ? 0 : form.beta() * y[row + j]; // NaN times 0 is no 0
                }
                addRow(form, data(a), ao, i, data(b), bo, y, row);
            }
        }
    }

    /** Adds row i of {@code alpha op(a) op(b)} to {@code y}, reading {@code b} in the order in which it lies. */
    private static void addRow(Matmul form, double[] a, int ao, int i, double[] b, int bo, double[] y, int row) {
        int n = form.n();
        int k = form.k();
        int first = ao + (form.transposeA() ? i : i * k);
        int step = form.transposeA() ? form.m() : 1;
        if (form.transposeB()) {
            for (int j = 0; j < n; j++) {
                double dot = 0;
                for (int p = 0; p < k; p++) {
                    dot += a[first + p * step] * b[bo + j * k + p];
                }
                y[row + j] += form.alpha() * dot;
            }
            return;
        }
        for (int p = 0; p < k; p++) {
            double factor = form.alpha() * a[first + p * step];
            for (int j = 0; j < n; j++) {
                y[row + j] += factor * b[bo + p * n + j];
            }
        }
    }

    @Override
    public void linear(Storage x, Storage w, Storage bias, int rows, int in, int out, Storage y) {
        kernelCalls.increment();
        product(Matmul.of(rows, out, in, false, true), x, w, y);
        for (int i = 0; bias != null && i < rows * out; i++) {
            data(y)[offset(y) + i] += data(bias)[offset(bias) + i % out];
        }
        round(y);
    }

    // ---- by row ----

    @Override
    public void softmax(Storage x, int rows, int columns, Storage y) {
        kernelCalls.increment();
        for (int r = 0; r < rows; r++) {
            Rows.softmax(data(x), offset(x) + r * columns, columns, data(y), offset(y) + r * columns);
        }
        round(y);
    }

    @Override
    public void softmaxGrad(Storage y, Storage dy, int rows, int columns, Storage dx) {
        kernelCalls.increment();
        for (int r = 0; r < rows; r++) {
            int at = r * columns;
            Rows.softmaxGrad(data(y), offset(y) + at, data(dy), offset(dy) + at, columns, data(dx), offset(dx) + at);
        }
        round(dx);
    }

    @Override
    public void logSoftmax(Storage x, int rows, int columns, Storage y) {
        kernelCalls.increment();
        double[] a = data(x);
        double[] out = data(y);
        for (int r = 0; r < rows; r++) {
            int ao = offset(x) + r * columns;
            int yo = offset(y) + r * columns;
            double norm = Rows.logSumExp(a, ao, columns);
            for (int j = 0; j < columns; j++) {
                out[yo + j] = a[ao + j] - norm;
            }
        }
        round(y);
    }

    @Override
    public void logSoftmaxGrad(Storage y, Storage dy, int rows, int columns, Storage dx) {
        kernelCalls.increment();
        double[] a = data(y);
        double[] g = data(dy);
        double[] d = data(dx);
        for (int r = 0; r < rows; r++) {
            int at = r * columns;
            double sum = 0;
            for (int j = at; j < at + columns; j++) {
                sum += g[offset(dy) + j];
            }
            for (int j = at; j < at + columns; j++) {
                d[offset(dx) + j] = g[offset(dy) + j] - Math.exp(a[offset(y) + j]) * sum;
            }
        }
        round(dx);
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
        kernelCalls.increment();
        double[] a = data(x);
        double[] scale = data(gamma);
        double[] shift = data(beta);
        double[] out = data(y);
        for (int r = 0; r < rows; r++) {
            int ao = offset(x) + r * columns;
            double sum = 0;
            for (int j = 0; j < columns; j++) {
                sum += a[ao + j];
            }
            double mu = sum / columns;
            double squares = 0;
            for (int j = 0; j < columns; j++) {
                squares += (a[ao + j] - mu) * (a[ao + j] - mu);
            }
            double inverse = 1 / Math.sqrt(squares / columns + eps);
            for (int j = 0; j < columns; j++) {
                out[offset(y) + r * columns + j] =
                        (a[ao + j] - mu) * inverse * scale[offset(gamma) + j] + shift[offset(beta) + j];
            }
            data(mean)[offset(mean) + r] = mu;
            data(rstd)[offset(rstd) + r] = inverse;
        }
        round(y, mean, rstd);
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
        kernelCalls.increment();
        double[] a = data(x);
        double[] scale = data(gamma);
        double[] g = data(dy);
        double[] sumScale = new double[columns];
        double[] sumShift = new double[columns];
        double[] normal = new double[columns];
        for (int r = 0; r < rows; r++) {
            int go = offset(dy) + r * columns;
            double inverse = data(rstd)[offset(rstd) + r];
            double meanGradient = 0;
            double meanProduct = 0;
            for (int j = 0; j < columns; j++) {
                normal[j] = (a[offset(x) + r * columns + j] - data(mean)[offset(mean) + r]) * inverse;
                sumScale[j] += g[go + j] * normal[j];
                sumShift[j] += g[go + j];
                double scaled = g[go + j] * scale[offset(gamma) + j];
                meanGradient += scaled / columns;
                meanProduct += scaled * normal[j] / columns;
            }
            for (int j = 0; dx != null && j < columns; j++) {
                double scaled = g[go + j] * scale[offset(gamma) + j];
                data(dx)[offset(dx) + r * columns + j] = inverse * (scaled - meanGradient - normal[j] * meanProduct);
            }
        }
        if (dgamma != null) {
            System.arraycopy(sumScale, 0, data(dgamma), offset(dgamma), columns);
        }
        if (dbeta != null) {
            System.arraycopy(sumShift, 0, data(dbeta), offset(dbeta), columns);
        }
        round(dx, dgamma, dbeta);
    }

    @Override
    public void rmsNorm(Storage x, Storage gamma, int rows, int columns, double eps, Storage y, Storage rrms) {
        kernelCalls.increment();
        double[] a = data(x);
        for (int r = 0; r < rows; r++) {
            int ao = offset(x) + r * columns;
            double squares = 0;
            for (int j = 0; j < columns; j++) {
                squares += a[ao + j] * a[ao + j];
            }
            double inverse = 1 / Math.sqrt(squares / columns + eps);
            for (int j = 0; j < columns; j++) {
                data(y)[offset(y) + r * columns + j] = a[ao + j] * inverse * data(gamma)[offset(gamma) + j];
            }
            data(rrms)[offset(rrms) + r] = inverse;
        }
        round(y, rrms);
    }

    /** With n = x rrms and g = dy gamma: {@code dx = rrms (g - n mean(g n))}. */
    @Override
    public void rmsNormGrad(
            Storage x, Storage gamma, Storage rrms, Storage dy, int rows, int columns, Storage dx, Storage dgamma) {
        kernelCalls.increment();
        double[] sumScale = new double[columns];
        for (int r = 0; r < rows; r++) {
            int at = r * columns;
            double inverse = data(rrms)[offset(rrms) + r];
            double meanProduct = 0;
            for (int j = 0; j < columns; j++) {
                double normal = data(x)[offset(x) + at + j] * inverse;
                double g = data(dy)[offset(dy) + at + j];
                sumScale[j] += g * normal;
                meanProduct += g * data(gamma)[offset(gamma) + j] * normal / columns;
            }
            for (int j = 0; dx != null && j < columns; j++) {
                double normal = data(x)[offset(x) + at + j] * inverse;
                double g = data(dy)[offset(dy) + at + j] * data(gamma)[offset(gamma) + j];
                data(dx)[offset(dx) + at + j] = inverse * (g - normal * meanProduct);
            }
        }
        if (dgamma != null) {
            System.arraycopy(sumScale, 0, data(dgamma), offset(dgamma), columns);
        }
        round(dx, dgamma);
    }

    // ---- attention, losses, the optimiser ----

    @Override
    public void rotary(
            Storage x, int rows, int heads, int headSize, float[] cos, float[] sin, boolean back, Storage out) {
        kernelCalls.increment();
        int half = headSize / 2;
        for (int r = 0; r < rows; r++) {
            for (int h = 0; h < heads; h++) {
                int at = (r * heads + h) * headSize;
                for (int i = 0; i < half; i++) {
                    double c = cos[r * half + i];
                    double s = back ? -sin[r * half + i] : sin[r * half + i];
                    double first = data(x)[offset(x) + at + i];
                    double second = data(x)[offset(x) + at + half + i];
                    data(out)[offset(out) + at + i] = first * c - second * s;
                    data(out)[offset(out) + at + half + i] = second * c + first * s;
                }
            }
        }
        round(out);
    }

    @Override
    public void attention(AttentionLayout layout, Storage q, Storage k, Storage v, Storage out, Storage probabilities) {
        kernelCalls.increment();
        AttentionKernel.forward(layout, of(q), of(k), of(v), of(out), of(probabilities));
        round(out, probabilities);
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
        kernelCalls.increment();
        AttentionKernel.backward(layout, of(q), of(k), of(v), of(probabilities), of(dout), of(dq), of(dk), of(dv));
        round(dq, dk, dv);
    }

    @Override
    public void crossEntropy(
            Storage logits, int rows, int classes, int[] labels, Storage losses, Storage probabilities) {
        double[] a = data(logits);
        double[] out = data(losses);
        for (int r = 0; r < rows; r++) {
            int ao = offset(logits) + r * classes;
            out[offset(losses) + r] = labels[r] < 0 ? 0 : Rows.logSumExp(a, ao, classes) - a[ao + labels[r]];
        }
        softmax(logits, rows, classes, probabilities);
        round(losses, probabilities);
    }

    @Override
    public void crossEntropyGrad(
            Storage probabilities, int rows, int classes, int[] labels, Storage dlosses, Storage dlogits) {
        kernelCalls.increment();
        double[] p = data(probabilities);
        double[] d = data(dlogits);
        for (int r = 0; r < rows; r++) {
            double g = labels[r] < 0 ? 0 : data(dlosses)[offset(dlosses) + r];
            for (int j = 0; j < classes; j++) {
                double target = j == labels[r] ? 1 : 0;
                d[offset(dlogits) + r * classes + j] = (p[offset(probabilities) + r * classes + j] - target) * g;
            }
        }
        round(dlogits);
    }

    @Override
    public void adam(AdamStep s, Storage parameter, Storage gradient, Storage firstMoment, Storage secondMoment) {
        kernelCalls.increment();
        double correction1 = 1 - Math.pow(s.beta1(), s.step());
        double correction2 = 1 - Math.pow(s.beta2(), s.step());
        double[] p = data(parameter);
        double[] g = data(gradient);
        double[] m = data(firstMoment);
        double[] v = data(secondMoment);
        for (int i = 0; i < length(parameter); i++) {
            double gi = g[offset(gradient) + i];
            int mi = offset(firstMoment) + i;
            int vi = offset(secondMoment) + i;
            m[mi] = s.beta1() * m[mi] + (1 - s.beta1()) * gi;
            v[vi] = s.beta2() * v[vi] + (1 - s.beta2()) * gi * gi;
            double update = m[mi] / correction1 / (Math.sqrt(v[vi] / correction2) + s.eps());
            int pi = offset(parameter) + i;
            p[pi] = p[pi] * (1 - s.lr() * s.weightDecay()) - s.lr() * update;
        }
        round(parameter, firstMoment, secondMoment);
    }

    // ---- storages ----

    /** What a kernel has written, in the types of its storages; null for what was not wanted. */
    private static void round(Storage... outputs) {
        for (Storage output : outputs) {
            if (output != null) {
                of(output).round();
            }
        }
    }

    private static DoubleStorage of(Storage s) {
        return (DoubleStorage) s;
    }

    private static double[] data(Storage s) {
        return of(s).data();
    }

    private static int offset(Storage s) {
        return of(s).offset();
    }

    private static int length(Storage s) {
        return of(s).length();
    }
}
