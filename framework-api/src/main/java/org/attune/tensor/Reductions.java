package org.attune.tensor;

import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.TensorEngine;

/** Sums over axes. */
final class Reductions {
    private Reductions() {}

    /** The sum over axes {@code from} up to, and without, {@code to}. */
    static Tensor sum(Tensor x, int from, int to, Shape shape) {
        TensorEngine e = x.engine();
        int outer = x.shape().product(0, from);
        int n = x.shape().product(from, to);
        int inner = x.shape().product(to, x.shape().rank());
        Tensor out = Tensor.allocate(e, shape);
        e.sum(x.storage(), outer, n, inner, out.storage());
        return Tensor.recorded(
                out,
                (dy, in) -> {
                    // Repeats dy along the summed axes: zeros + dy, broadcast.
                    Tensor dx = Tensor.allocate(e, x.shape());
                    Tensor zero = Tensor.of(e, Shape.SCALAR, 0f);
                    e.binary(
                            Binary.ADD,
                            zero.storage(),
                            new int[] {0, 0, 0},
                            dy.storage(),
                            new int[] {inner, 0, 1},
                            new int[] {outer, n, inner},
                            dx.storage());
                    in.add(0, dx);
                },
                x);
    }
}
