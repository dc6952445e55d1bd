package org.attune.tensor;

import java.util.List;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.TensorEngine;

/** Attention over packed sequences. */
final class Attention {
    private Attention() {}

    static Tensor attention(Tensor q, Tensor k, Tensor v, AttentionLayout layout) {
        check("queries", q, layout.queryOffsets(), layout.heads() * layout.headSize());
        check("keys", k, layout.keyOffsets(), layout.keyHeads() * layout.headSize());
        check("values", v, layout.keyOffsets(), layout.keyHeads() * layout.headSize());
        TensorEngine e = q.engine();
        DType narrow = DType.narrower(q.dtype(), DType.narrower(k.dtype(), v.dtype()));
        Tensor out = Tensor.allocate(e, q.shape(), narrow);
        Tensor probabilities = Tensor.allocate(e, Shape.of(Math.toIntExact(layout.probabilities())), narrow);
        e.attention(layout, q.storage(), k.storage(), v.storage(), out.storage(), probabilities.storage());
        return Tensor.recorded(
                out,
                List.of(probabilities),
                (dy, in) -> {
                    Tensor dq = in.needed(0) ? q.allocate(q.shape()) : null;
                    Tensor dk = in.needed(1) ? k.allocate(k.shape()) : null;
                    Tensor dv = in.needed(2) ? v.allocate(v.shape()) : null;
                    e.attentionGrad(
                            layout,
                            q.storage(),
                            k.storage(),
                            v.storage(),
                            probabilities.storage(),
                            dy.storage(),
                            dq == null ? null : dq.storage(),
                            dk == null ? null : dk.storage(),
                            dv == null ? null : dv.storage());
                    Normalisation.addWanted(in, dq, dk, dv);
                },
                List.of(q, k, v),
                q,
                k,
                v);
    }

    static Tensor rotary(Tensor x, int headSize, float[] cos, float[] sin) {
        int rows = Matrices.rows(x.shape());
        int heads = x.shape().dim(-1) / headSize;
        if (headSize % 2 != 0
                || heads * headSize != x.shape().dim(-1)
                || cos.length != rows * headSize / 2
                || sin.length != cos.length) {
            throw new IllegalArgumentException("cannot turn " + x.shape() + " in heads of " + headSize + " by "
                    + cos.length + " cosines and " + sin.length + " sines");
        }
        return rotary(x, rows, heads, headSize, cos, sin, false);
    }

    private static Tensor rotary(Tensor x, int rows, int heads, int headSize, float[] cos, float[] sin, boolean back) {
        Tensor out = x.allocate(x.shape());
        x.engine().rotary(x.storage(), rows, heads, headSize, cos, sin, back, out.storage());
        return Tensor.recorded(
                out, (dy, in) -> in.add(0, rotary(dy, rows, heads, headSize, cos, sin, !back)), List.of(), x);
    }

    private static void check(String what, Tensor x, int[] offsets, int width) {
        Shape expected = Shape.of(offsets[offsets.length - 1], width);
        if (!x.shape().equals(expected)) {
            throw new IllegalArgumentException(
                    "attention " + what + " have shape " + x.shape() + ", the layout asks for " + expected);
        }
    }
}
