package org.attune.tensor;

import java.util.List;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.engine.Unary;

/** Element-wise operations and broadcasting. */
final class Elementwise {
    private Elementwise() {}

    static Tensor unary(Unary op, Tensor x) {
        TensorEngine e = x.engine();
        Tensor out = x.allocate(x.shape());
        e.unary(op, x.storage(), out.storage());
        return Tensor.recorded(
                out,
                (dy, in) -> {
                    Tensor dx = in.expendable() && dy.dtype() == x.dtype() ? dy : x.allocate(x.shape());
                    e.unaryGrad(op, x.storage(), dy.storage(), dx.storage());
                    in.add(0, dx);
                },
                List.of(x),
                x);
    }

    static Tensor affine(Tensor x, double scale, double shift) {
        TensorEngine e = x.engine();
        Tensor out = x.allocate(x.shape());
        e.affine(x.storage(), scale, shift, out.storage());
        return Tensor.recorded(out, (dy, in) -> in.add(0, scale == 1 ? dy : dy.mul(scale)), List.of(), x);
    }

    static Tensor convert(Tensor x, DType dtype) {
        if (x.dtype() == dtype) {
            return x;
        }
        Tensor out = Tensor.allocate(x.engine(), x.shape(), dtype);
        x.engine().copy(x.storage(), out.storage());
        return Tensor.recorded(out, (dy, in) -> in.add(0, dy), List.of(), x);
    }

    static Tensor gated(Unary op, Tensor gate, Tensor up) {
        if (!gate.shape().equals(up.shape())) {
            throw new IllegalArgumentException("gate " + gate.shape() + " and " + up.shape() + " differ in shape");
        }
        TensorEngine e = gate.engine();
        Tensor out = gate.allocate(gate.shape());
        e.gated(op, gate.storage(), up.storage(), out.storage());
        return Tensor.recorded(
                out,
                (dy, in) -> {
                    Tensor dgate = gate.allocate(gate.shape());
                    Tensor dup = up.allocate(up.shape());
                    e.gatedGrad(op, gate.storage(), up.storage(), dy.storage(), dgate.storage(), dup.storage());
                    in.add(0, dgate);
                    in.add(1, dup);
                },
                List.of(gate, up),
                gate,
                up);
    }

    static Tensor binary(Binary op, Tensor a, Tensor b) {
        TensorEngine e = a.engine();
        Shape shape = broadcast(a.shape(), b.shape());
        Tensor out = Tensor.allocate(e, shape, DType.wider(a.dtype(), b.dtype()));
        e.binary(
                op,
                a.storage(),
                strides(a.shape(), shape),
                b.storage(),
                strides(b.shape(), shape),
                shape.dims(),
                out.storage());
        return Tensor.recorded(out, (dy, in) -> binaryGrad(op, a, b, out, dy, in), read(op, a, b, out), a, b);
    }

    private static List<Tensor> read(Binary op, Tensor a, Tensor b, Tensor out) {
        return switch (op) {
            case ADD, SUB -> List.of();
            case MUL -> Matrices.operandsRead(a, b);
            case DIV -> b.requiresGradient() ? List.of(b, out) : List.of(b);
        };
    }

    private static void binaryGrad(Binary op, Tensor a, Tensor b, Tensor out, Tensor dy, Backward.InputGradients in) {
        if (in.needed(0)) {
            Tensor da = switch (op) {
                case ADD, SUB -> dy;
                case MUL -> dy.mul(b);
                case DIV -> dy.div(b);
            };
            in.add(0, reduceTo(da, a.shape(), a.dtype(), dy));
        }
        if (in.needed(1)) {
            Tensor db = switch (op) {
                case ADD -> dy;
                case SUB -> dy.neg();
                case MUL -> dy.mul(a);
                case DIV -> quotientGrad(b, out, dy);
            };
            in.add(1, reduceTo(db, b.shape(), b.dtype(), dy));
        }
    }

    /** The shape of an element-wise operation of two tensors. */
    static Shape broadcast(Shape a, Shape b) {
        if (a.equals(b)) {
            return a;
        }
        int rank = Math.max(a.rank(), b.rank());
        int[] dims = new int[rank];
        for (int i = 1; i <= rank; i++) {
            int da = i <= a.rank() ? a.dim(-i) : 1;
            int db = i <= b.rank() ? b.dim(-i) : 1;
            if (da != db && da != 1 && db != 1) {
                throw new IllegalArgumentException("shapes " + a + " and " + b + " do not broadcast");
            }
            dims[rank - i] = da == 1 ? db : da;
        }
        return Shape.of(dims);
    }

    /** Row-major strides of {@code shape} as seen from {@code to}, 0 along repeated axes. */
    private static int[] strides(Shape shape, Shape to) {
        int[] strides = new int[to.rank()];
        int stride = 1;
        for (int i = 1; i <= shape.rank(); i++) {
            int d = shape.dim(-i);
            strides[to.rank() - i] = d == 1 ? 0 : stride;
            stride *= d;
        }
        return strides;
    }

    /** The gradient of a / b with respect to b: -dy (a / b) / b. */
    private static Tensor quotientGrad(Tensor b, Tensor out, Tensor dy) {
        try (Tensor scaled = dy.div(b);
                Tensor product = scaled.mul(out)) {
            return product.neg();
        }
    }

    /** Sums a gradient over the axes along which its input was repeated; frees what it replaces, but never {@code dy}. */
    private static Tensor reduceTo(Tensor gradient, Shape shape, DType dtype, Tensor dy) {
        Tensor g = gradient;
        while (g.shape().rank() > shape.rank()) {
            g = replaced(g, Reductions.sum(g, 0, 1, dtype), dy);
        }
        for (int i = 0; i < shape.rank(); i++) {
            if (shape.dim(i) == 1 && g.shape().dim(i) != 1) {
                g = replaced(g, Reductions.sum(g, i, i + 1, g.shape().with(i, 1), 1, dtype), dy);
            }
        }
        return g;
    }

    private static Tensor replaced(Tensor old, Tensor by, Tensor dy) {
        if (old != dy) {
            old.close();
        }
        return by;
    }
}
