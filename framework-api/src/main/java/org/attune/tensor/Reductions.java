package org.attune.tensor;

import java.util.List;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.TensorEngine;

/** Sums over axes. */
final class Reductions {
    private Reductions() {}

    /** {@code scale} times the sum along one axis, which disappears. */
    static Tensor sum(Tensor x, int axis, double scale) {
        return sum(x, axis, scale, x.dtype());
    }

    static Tensor sum(Tensor x, int axis, double scale, DType dtype) {
        int[] dims = x.shape().dims();
        int[] rest = new int[dims.length - 1];
        System.arraycopy(dims, 0, rest, 0, axis);
        System.arraycopy(dims, axis + 1, rest, axis, rest.length - axis);
        return sum(x, axis, axis + 1, Shape.of(rest), scale, dtype);
    }

    /** {@code scale} times the sum over axes {@code from} up to, and without, {@code to}, as a tensor of {@code shape}. */
    static Tensor sum(Tensor x, int from, int to, Shape shape, double scale, DType dtype) {
        TensorEngine e = x.engine();
        int outer = x.shape().product(0, from);
        int n = x.shape().product(from, to);
        int inner = x.shape().product(to, x.shape().rank());
        Tensor out = Tensor.allocate(e, shape, dtype);
        e.sum(x.storage(), outer, n, inner, out.storage());
        if (scale != 1) {
            e.affine(out.storage(), scale, 0, out.storage());
        }
        return Tensor.recorded(
                out,
                (dy, in) -> {
                    // scale dy, repeated along the summed axes.
                    Tensor dx = x.allocate(x.shape());
                    try (Tensor factor = Tensor.of(e, Shape.SCALAR, scale)) {
                        e.binary(
                                Binary.MUL,
                                factor.storage(),
                                new int[] {0, 0, 0},
                                dy.storage(),
                                new int[] {inner, 0, 1},
                                new int[] {outer, n, inner},
                                dx.storage());
                    }
                    in.add(0, dx);
                },
                List.of(),
                x);
    }
}
