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
        Tensor out = Tensor.allocate(e, q.shape());
        Tensor probabilities = Tensor.allocate(e, Shape.of(Math.toIntExact(layout.probabilities())));
        e.attention(layout, q.storage(), k.storage(), v.storage(), out.storage(), probabilities.storage());
        return Tensor.recorded(
                out,
                List.of(probabilities),
                (dy, in) -> {
                    Tensor dq = in.needed(0) ? Tensor.allocate(e, q.shape()) : null;
                    Tensor dk = in.needed(1) ? Tensor.allocate(e, k.shape()) : null;
                    Tensor dv = in.needed(2) ? Tensor.allocate(e, v.shape()) : null;
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
                q,
                k,
                v);
    }

    private static void check(String what, Tensor x, int[] offsets, int width) {
        Shape expected = Shape.of(offsets[offsets.length - 1], width);
        if (!x.shape().equals(expected)) {
            throw new IllegalArgumentException(
                    "attention " + what + " have shape " + x.shape() + ", the layout asks for " + expected);
        }
    }
}
