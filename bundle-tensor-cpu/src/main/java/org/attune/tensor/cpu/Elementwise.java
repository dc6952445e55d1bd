package org.attune.tensor.cpu;

import static org.attune.tensor.cpu.Worker.TILE;

import java.util.Arrays;
import org.attune.tensor.cpu.KernelKey.RowOperation;
import org.attune.tensor.cpu.KernelKey.Variant;
import org.attune.tensor.cpu.Worker.Scratch;
import org.attune.tensor.engine.AdamStep;
import org.attune.tensor.engine.Binary;

/** Functions of corresponding elements. */
final class Elementwise {
    private Elementwise() {}

    static void fill(Worker w, long out, long n, float value) {
        if (Float.floatToRawIntBits(value) == 0) {
            w.zero(out, n);
            return;
        }
        float[] tile = w.tile(0);
        Arrays.fill(tile, 0, (int) Math.min(n, TILE), value);
        for (long i = 0; i < n; i += TILE) {
            w.store(tile, (int) Math.min(TILE, n - i), out + Float.BYTES * i);
        }
    }

    /** {@code out = scale x + shift}. */
    static void affine(Worker w, long x, float scale, float shift, long n, long out) {
        long parameters = w.scratch(Scratch.PARAMETERS, 2);
        w.storeOne(shift, parameters);
        w.storeOne(scale, parameters + Float.BYTES);
        w.kernel(KernelKey.elements(RowOperation.SCALE_AND_SHIFT)).run(n, x, parameters, parameters + Float.BYTES, out);
    }

    /** {@code out += scale x}. */
    static void accumulate(Worker w, float scale, long x, long n, long out) {
        if (scale == 1) {
            w.kernel(KernelKey.elements(Binary.ADD)).run(n, out, x, out);
            return;
        }
        long parameter = w.scratch(Scratch.PARAMETERS, 2);
        w.storeOne(scale, parameter);
        w.kernel(KernelKey.elements(RowOperation.ADD_SCALED)).run(n, out, x, parameter, out);
    }

    static void binary(Worker w, Binary op, long a, int[] aStrides, long b, int[] bStrides, int[] dims, long out) {
        Broadcast form = Broadcast.of(dims, aStrides, bStrides);
        boolean commutes = op == Binary.ADD || op == Binary.MUL;
        if (form.isDense()) {
            w.kernel(KernelKey.elements(op)).run(form.size(), a, b, out);
        } else if (form.repetition() != null) {
            repeated(w, op, a, b, form, out);
        } else if (commutes && form.swapped().repetition() != null) {
            repeated(w, op, b, a, form.swapped(), out);
        } else {
            broadcast(w, op, a, b, form, out);
        }
    }

    private static void repeated(Worker w, Binary op, long a, long b, Broadcast form, long out) {
        Variant variant = form.repetition();
        if (variant == Variant.BY_SCALAR) {
            w.kernel(KernelKey.elements(op, variant)).run(form.size(), a, b, out);
        } else {
            w.kernel(KernelKey.rows(op, variant, form.columns())).run(form.rows(), a, b, out);
        }
    }

    private static void broadcast(Worker w, Binary op, long a, long b, Broadcast form, long out) {
        float[] tileA = w.tile(0);
        float[] tileB = w.tile(1);
        int columns = form.columns();
        Offsets offsets = new Offsets(form.outerDims(), form.outerStridesA(), form.outerStridesB());
        long at = out;
        do {
            for (int done = 0; done < columns; done += TILE) {
                int n = Math.min(TILE, columns - done);
                loadStrided(w, a, offsets.first() + (long) done * form.strideA(), form.strideA(), tileA, n);
                loadStrided(w, b, offsets.second() + (long) done * form.strideB(), form.strideB(), tileB, n);
                apply(op, tileA, tileB, n);
                w.store(tileA, n, at);
                at += (long) Float.BYTES * n;
            }
        } while (offsets.next());
    }

    private static void loadStrided(Worker w, long x, long offset, int stride, float[] tile, int n) {
        long from = x + Float.BYTES * offset;
        if (stride == 1) {
            w.load(from, tile, n);
        } else if (stride == 0) {
            Arrays.fill(tile, 0, n, w.loadOne(from));
        } else {
            for (int i = 0; i < n; i++) {
                tile[i] = w.loadOne(from + (long) Float.BYTES * stride * i);
            }
        }
    }

    private static void apply(Binary op, float[] a, float[] b, int n) {
        switch (op) {
            case ADD -> {
                for (int i = 0; i < n; i++) {
                    a[i] += b[i];
                }
            }
            case SUB -> {
                for (int i = 0; i < n; i++) {
                    a[i] -= b[i];
                }
            }
            case MUL -> {
                for (int i = 0; i < n; i++) {
                    a[i] *= b[i];
                }
            }
            case DIV -> {
                for (int i = 0; i < n; i++) {
                    a[i] /= b[i];
                }
            }
        }
    }

    static void adam(Worker w, AdamStep step, long parameter, long gradient, long first, long second, long size) {
        float keep = (float) (1 - step.lr() * step.weightDecay());
        float beta1 = (float) step.beta1();
        float beta2 = (float) step.beta2();
        float rest1 = (float) (1 - step.beta1());
        float rest2 = (float) (1 - step.beta2());
        float rate = (float) (step.lr() / (1 - Math.pow(step.beta1(), step.step())));
        float root = (float) Math.sqrt(1 - Math.pow(step.beta2(), step.step()));
        float eps = (float) step.eps();
        float[] p = w.tile(0);
        float[] g = w.tile(1);
        float[] m = w.tile(2);
        float[] v = w.tile(3);
        for (long i = 0; i < size; i += TILE) {
            int n = (int) Math.min(TILE, size - i);
            long at = Float.BYTES * i;
            w.load(parameter + at, p, n);
            w.load(gradient + at, g, n);
            w.load(first + at, m, n);
            w.load(second + at, v, n);
            adam(p, g, m, v, n, keep, beta1, rest1, beta2, rest2, rate, root, eps);
            w.store(p, n, parameter + at);
            w.store(m, n, first + at);
            w.store(v, n, second + at);
        }
    }

    /** A method of its own, because the compiler vectorises small loops only. */
    private static void adam(
            float[] p,
            float[] g,
            float[] m,
            float[] v,
            int n,
            float keep,
            float beta1,
            float rest1,
            float beta2,
            float rest2,
            float rate,
            float root,
            float eps) {
        for (int j = 0; j < n; j++) {
            m[j] = beta1 * m[j] + rest1 * g[j];
        }
        for (int j = 0; j < n; j++) {
            v[j] = beta2 * v[j] + rest2 * g[j] * g[j];
        }
        for (int j = 0; j < n; j++) {
            p[j] = keep * p[j] - rate * m[j] / ((float) Math.sqrt(v[j]) / root + eps);
        }
    }
}
