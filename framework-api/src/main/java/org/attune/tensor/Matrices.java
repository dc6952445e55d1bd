package org.attune.tensor;

import java.util.ArrayList;
import java.util.List;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.TensorEngine;

/** Matrix products. */
final class Matrices {
    private Matrices() {}

    /** {@code scale op(a) op(b) + c}, c null for none. */
    static Tensor matmul(Tensor a, Tensor b, boolean ta, boolean tb, double scale, Tensor c) {
        Matmul form = form(a.shape(), b.shape(), ta, tb, scale);
        Shape shape = shape(a, form, c);
        TensorEngine e = a.engine();
        Tensor out = Tensor.allocate(e, shape, c == null ? DType.narrower(a.dtype(), b.dtype()) : c.dtype());
        if (c != null) {
            e.copy(c.storage(), out.storage());
        }
        return product(a, b, form, c, out);
    }

    /** {@code c + scale a op(b)} in the memory of {@code c}, which is a recorded result that nothing else reads. */
    static Tensor addInPlace(Tensor c, Tensor a, Tensor b, boolean tb, double scale) {
        Matmul form = form(a.shape(), b.shape(), false, tb, scale);
        return product(a, b, form, c, c.as(shape(a, form, c)));
    }

    private static Shape shape(Tensor a, Matmul form, Tensor c) {
        Shape shape = a.shape().with(-2, form.m()).with(-1, form.n());
        if (c != null && !c.shape().equals(shape)) {
            throw new IllegalArgumentException("cannot add a product of shape " + shape + " to " + c.shape());
        }
        return shape;
    }

    /** The product into {@code out}, or added to what is in it where {@code c} is not null. */
    private static Tensor product(Tensor a, Tensor b, Matmul form, Tensor c, Tensor out) {
        a.engine().matmul(c == null ? form : adding(form), a.storage(), b.storage(), out.storage());
        Backward backward = (dy, in) -> {
            if (in.needed(0)) {
                gradientOfA(a, b, dy, form, in);
            }
            if (in.needed(1)) {
                gradientOfB(a, b, dy, form, in);
            }
            if (c != null && in.needed(2)) {
                in.add(2, dy);
            }
        };
        List<Tensor> saved = operandsRead(a, b);
        return c == null ? Tensor.recorded(out, backward, saved, a, b) : Tensor.recorded(out, backward, saved, a, b, c);
    }

    private static Matmul form(Shape a, Shape b, boolean ta, boolean tb, double scale) {
        if (a.rank() < 2 || b.rank() < 2) {
            throw mismatch(a, b, ta, tb);
        }
        int k = a.dim(ta ? -2 : -1);
        boolean shared = b.rank() == 2 && a.rank() > 2;
        if (k != b.dim(tb ? -1 : -2) || (!shared && !sameLeading(a, b))) {
            throw mismatch(a, b, ta, tb);
        }
        int batch = a.product(0, a.rank() - 2);
        return new Matmul(batch, a.dim(ta ? -1 : -2), b.dim(tb ? -2 : -1), k, ta, tb, shared, scale, 0);
    }

    private static Matmul adding(Matmul f) {
        return new Matmul(f.batch(), f.m(), f.n(), f.k(), f.transposeA(), f.transposeB(), f.sharedB(), f.alpha(), 1);
    }

    /** Adds {@code op(x) op(y)} of a form to the gradient of input {@code i}, in place where that is a parameter's. */
    private static void add(Backward.InputGradients in, int i, Tensor of, Matmul form, Tensor x, Tensor y) {
        Tensor sum = in.accumulator(i);
        if (sum != null) {
            of.engine().matmul(adding(form), x.storage(), y.storage(), sum.storage());
            return;
        }
        Tensor gradient = of.allocate(of.shape());
        of.engine().matmul(form, x.storage(), y.storage(), gradient.storage());
        in.add(i, gradient);
    }

    private static void gradientOfA(Tensor a, Tensor b, Tensor dy, Matmul f, Backward.InputGradients in) {
        if (!f.transposeA()) {
            Matmul form = new Matmul(f.batch(), f.m(), f.k(), f.n(), false, !f.transposeB(), f.sharedB(), f.alpha(), 0);
            add(in, 0, a, form, dy, b);
        } else if (!f.sharedB()) {
            Matmul form = new Matmul(f.batch(), f.k(), f.m(), f.n(), f.transposeB(), true, false, f.alpha(), 0);
            add(in, 0, a, form, b, dy);
        } else { // the shared operand stands only on the right
            try (Tensor transposed = matmul(dy, b, false, !f.transposeB(), f.alpha(), null)) {
                in.add(0, transposed.transpose());
            }
        }
    }

    private static void gradientOfB(Tensor a, Tensor b, Tensor dy, Matmul f, Backward.InputGradients in) {
        if (!f.sharedB()) {
            if (f.transposeB()) {
                Matmul form = new Matmul(f.batch(), f.n(), f.k(), f.m(), true, f.transposeA(), false, f.alpha(), 0);
                add(in, 1, b, form, dy, a);
            } else {
                Matmul form = new Matmul(f.batch(), f.k(), f.n(), f.m(), !f.transposeA(), false, false, f.alpha(), 0);
                add(in, 1, b, form, a, dy);
            }
            return;
        }
        if (f.transposeA()) {
            try (Tensor straight = a.transpose()) {
                Matmul form = new Matmul(f.batch(), f.m(), f.n(), f.k(), false, f.transposeB(), true, f.alpha(), 0);
                gradientOfB(straight, b, dy, form, in);
            }
            return;
        }
        int rows = f.batch() * f.m(); // the batch's matrices below one another
        Matmul form = f.transposeB()
                ? new Matmul(1, f.n(), f.k(), rows, true, false, false, f.alpha(), 0)
                : new Matmul(1, f.k(), f.n(), rows, true, false, false, f.alpha(), 0);
        if (f.transposeB()) {
            add(in, 1, b, form, dy, a);
        } else {
            add(in, 1, b, form, a, dy);
        }
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
        Tensor y = Tensor.allocate(e, x.shape().with(-1, out), DType.narrower(x.dtype(), w.dtype()));
        e.linear(x.storage(), w.storage(), bias == null ? null : bias.storage(), rows, in, out, y.storage());
        Backward backward = (dy, g) -> {
            if (g.needed(0)) {
                add(g, 0, x, Matmul.of(rows, in, out, false, false), dy, w);
            }
            if (g.needed(1)) {
                add(g, 1, w, Matmul.of(out, in, rows, true, false), dy, x);
            }
            if (bias != null && g.needed(2)) {
                Tensor db = bias.allocate(bias.shape());
                e.sum(dy.storage(), 1, rows, out, db.storage());
                g.add(2, db);
            }
        };
        List<Tensor> saved = operandsRead(x, w);
        return bias == null
                ? Tensor.recorded(y, backward, saved, x, w)
                : Tensor.recorded(y, backward, saved, x, w, bias);
    }

    /** A product's gradient for one operand reads the other. */
    static List<Tensor> operandsRead(Tensor a, Tensor b) {
        List<Tensor> read = new ArrayList<>(2);
        if (b.requiresGradient()) {
            read.add(a);
        }
        if (a.requiresGradient()) {
            read.add(b);
        }
        return read;
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
