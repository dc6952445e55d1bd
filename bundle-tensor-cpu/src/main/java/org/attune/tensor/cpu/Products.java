package org.attune.tensor.cpu;

import org.attune.tensor.engine.Matmul;

/** Matrix products. They need no built primitive, so any number of rows costs the same to start. */
final class Products {
    private Products() {}

    static void matmul(Worker w, Matmul form, long a, long b, long out) {
        long m = form.m();
        long n = form.n();
        long k = form.k();
        long size = form.batch() * m * n;
        if (size == 0) {
            return;
        }
        if (k == 0 && form.beta() == 0) {
            w.zero(out, size);
            return;
        }
        if (k == 0) {
            Elementwise.affine(w, out, (float) form.beta(), 0, size, out);
            return;
        }
        for (long i = 0; i < form.batch(); i++) {
            w.gemm(
                    form.transposeA(),
                    form.transposeB(),
                    m,
                    n,
                    k,
                    (float) form.alpha(),
                    a + Float.BYTES * i * m * k,
                    form.transposeA() ? m : k,
                    form.sharedB() ? b : b + Float.BYTES * i * k * n,
                    form.transposeB() ? k : n,
                    (float) form.beta(),
                    out + Float.BYTES * i * m * n,
                    n);
        }
    }

    static void linear(Worker w, long x, long weight, long bias, int rows, int in, int out, long y) {
        if (rows == 0) {
            return;
        }
        if (bias != 0) {
            for (int i = 0; i < rows; i++) {
                w.copy(bias, y + (long) Float.BYTES * i * out, out);
            }
        }
        w.gemm(false, true, rows, out, in, 1, x, in, weight, in, bias == 0 ? 0 : 1, y, out);
    }
}
