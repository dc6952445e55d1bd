package org.attune.tensor;

import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.TensorEngine;

/** Matrix products. */
final class Matrices {
    private Matrices() {}

    /** {@code scale op(a) op(b) + c}, c null for none. */
    static Tensor matmul(Tensor a, Tensor b, boolean ta, boolean tb, double scale, Tensor c) {
        Shape sa = a.shape();
        Shape sb = b.shape();
        if (sa.rank() < 2 || sb.rank() < 2) {
            throw mismatch(sa, sb, ta, tb);
        }
        int m = sa.dim(ta ? -1 : -2);
        int k = sa.dim(ta ? -2 : -1);
        int n = sb.dim(tb ? -2 : -1);
        boolean shared = sb.rank() == 2 && sa.rank() > 2;
        int batch = sa.product(0, sa.rank() - 2);
        int[] dims = sa.dims();
        if (k != sb.dim(tb ? -1 : -2) || (!shared && !sameLeading(sa, sb))) {
            throw mismatch(sa, sb, ta, tb);
        }
        dims[dims.length - 2] = m;
        dims[dims.length - 1] = n;
        Shape shape = Shape.of(dims);
        if (c != null && !c.shape().equals(shape)) {
            throw new IllegalArgumentException("cannot add a product of shape " + shape + " to " + c.shape());
        }
        TensorEngine e = a.engine();
        Tensor out = Tensor.allocate(e, shape);
        if (c != null) {
            e.copy(c.storage(), out.storage());
        }
        e.matmul(
                new Matmul(batch, m, n, k, ta, tb, shared, scale, c == null ? 0 : 1),
                a.storage(),
                b.storage(),
                out.storage());
        Backward backward = (dy, in) -> {
            if (in.needed(0)) {
                in.add(0, gradientOfA(b, dy, ta, tb, scale, shared));
            }
            if (in.needed(1)) {
                in.add(1, gradientOfB(a, dy, ta, tb, scale, shared));
            }
            if (c != null && in.needed(2)) {
                in.add(2, dy);
            }
        };
        return c == null ? Tensor.recorded(out, backward, a, b) : Tensor.recorded(out, backward, a, b, c);
    }

    private static Tensor gradientOfA(Tensor b, Tensor dy, boolean ta, boolean tb, double scale, boolean shared) {
        if (!ta) {
            return matmul(dy, b, false, !tb, scale, null);
        }
        if (!shared) {
            return matmul(b, dy, tb, true, scale, null);
        }
        try (Tensor transposed =
                matmul(dy, b, false, !tb, scale, null)) { // the shared operand stands only on the right
            return transposed.transpose();
        }
    }

    private static Tensor gradientOfB(Tensor a, Tensor dy, boolean ta, boolean tb, double scale, boolean shared) {
        if (!shared) {
            return tb ? matmul(dy, a, true, ta, scale, null) : matmul(a, dy, !ta, false, scale, null);
        }
        if (ta) {
            try (Tensor straight = a.transpose()) {
                return gradientOfB(straight, dy, false, tb, scale, true);
            }
        }
        Tensor rows = a.reshape(rows(a.shape()), a.shape().dim(-1));
        Tensor drows = dy.reshape(rows(dy.shape()), dy.shape().dim(-1));
        return tb ? matmul(drows, rows, true, false, scale, null) : matmul(rows, drows, true, false, scale, null);
    }

    static Tensor linear(Tensor x, Tensor w, Tensor bias) {
        int in = x.shape().dim(-1);
        if (w.shape().rank() != 2 || w.shape().dim(1) != in) {
            throw new IllegalArgumentException("a linear layer of weight " + w.shape() + " cannot take " + x.shape());
        }
        int out = w.shape().dim(0);
        if (bias != null && !bias.shape().equals(Shape.of(out))) {
            throw new IllegalArgumentException("bias " + bias.shape() + " does not fit weight " + w.shape());
        }
        int rows = rows(x.shape());
        TensorEngine e = x.engine();
        Tensor y = Tensor.allocate(e, x.shape().with(-1, out));
        e.linear(x.storage(), w.storage(), bias == null ? null : bias.storage(), rows, in, out, y.storage());
        Backward backward = (dy, g) -> {
            if (g.needed(0)) {
                Tensor dx = Tensor.allocate(e, x.shape());
                e.matmul(Matmul.of(rows, in, out, false, false), dy.storage(), w.storage(), dx.storage());
                g.add(0, dx);
            }
            if (g.needed(1)) {
                Tensor dw = Tensor.allocate(e, w.shape());
                e.matmul(Matmul.of(out, in, rows, true, false), dy.storage(), x.storage(), dw.storage());
                g.add(1, dw);
            }
            if (bias != null && g.needed(2)) {
                Tensor db = Tensor.allocate(e, bias.shape());
                e.sum(dy.storage(), 1, rows, out, db.storage());
                g.add(2, db);
            }
        };
        return bias == null ? Tensor.recorded(y, backward, x, w) : Tensor.recorded(y, backward, x, w, bias);
    }

    private static boolean sameLeading(Shape a, Shape b) {
        return a.rank() == b.rank()
                && a.with(-1, 0).with(-2, 0).equals(b.with(-1, 0).with(-2, 0));
    }

    /** How many rows of the last axis a tensor has. */
    static int rows(Shape shape) {
        return shape.product(0, shape.rank() - 1);
    }

    private static IllegalArgumentException mismatch(Shape a, Shape b, boolean ta, boolean tb) {
        return new IllegalArgumentException("cannot multiply " + a + (ta ? "^T" : "") + " and " + b + (tb ? "^T" : ""));
    }
}
