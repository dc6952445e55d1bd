package org.attune.tensor.nd4j;

import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Unary;
import org.attune.tensor.nd4j.Products.Stack;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Softmax attention, one sequence at a time. Query heads that share a key head are taken by their place in the group, so
 * that each product is a stack of one matrix for each key head, all at one distance.
 */
final class Attention {
    private final Call call;
    private final AttentionLayout layout;
    private final CausalMask mask;
    private final int size;
    private final int group;

    Attention(Call call, AttentionLayout layout, CausalMask mask) {
        this.call = call;
        this.layout = layout;
        this.mask = mask;
        this.size = layout.headSize();
        this.group = layout.heads() / layout.keyHeads();
    }

    /** All arrays are dense; {@code out} and {@code probabilities} are written. */
    void forward(INDArray q, INDArray k, INDArray v, INDArray out, INDArray probabilities) {
        long at = 0;
        for (int s = 0; s < layout.sequences(); s++) {
            long queries = layout.queryLength(s);
            long keys = layout.keyLength(s);
            if (queries > 0) {
                try (Call within = call.nested()) {
                    sequence(within, s, at, q, k, v, out, probabilities);
                }
            }
            at += layout.heads() * queries * keys;
        }
    }

    /** @param at where the sequence's probabilities begin */
    private void sequence(
            Call within, int s, long at, INDArray q, INDArray k, INDArray v, INDArray out, INDArray probabilities) {
        rawScores(s, at, q, k, probabilities);
        INDArray rows = rows(probabilities, at, s);
        if (layout.softCap() != 0) {
            INDArray scores = within.scratch(rows.shape());
            Ops.mul(rows, 1 / layout.softCap(), scores);
            Functions.value(Unary.TANH, scores, rows);
            Ops.mul(rows, layout.softCap(), rows);
        }
        if (layout.causal()) {
            hide(s, rows);
        }
        Rows.softmax(within, rows, rows);
        for (int member = 0; member < group; member++) {
            Products.multiply(1, scores(probabilities, at, s, member), keys(v, s), 0, queries(out, s, member));
        }
    }

    /** Before the soft cap. */
    private void rawScores(int s, long at, INDArray q, INDArray k, INDArray out) {
        for (int member = 0; member < group; member++) {
            Products.multiply(
                    layout.scale(), queries(q, s, member), keys(k, s).transpose(), 0, scores(out, at, s, member));
        }
    }

    /** Puts minus infinity where a causal query may not look. */
    private void hide(int s, INDArray rows) {
        int queries = layout.queryLength(s);
        int keys = layout.keyLength(s);
        INDArray stacked = Views.reshaped(rows, layout.heads(), queries, keys);
        Ops.add(stacked, mask.of(queries, keys), stacked);
        int whole = layout.window() - (keys - queries); // queries from whose window no key falls
        if (whole < queries) {
            int first = Math.max(0, whole);
            long[] shape = {layout.heads(), queries - first, keys};
            INDArray later =
                    Views.strided(rows, (long) first * keys, shape, new long[] {(long) queries * keys, keys, 1});
            Ops.add(later, mask.before(keys - queries + first - layout.window() + 1, queries - first, keys), later);
        }
    }

    private INDArray rows(INDArray probabilities, long at, int s) {
        long keys = layout.keyLength(s);
        long[] shape = {(long) layout.heads() * layout.queryLength(s), keys};
        return Views.strided(probabilities, at, shape, new long[] {keys, 1});
    }

    /** A gradient that is null is not wanted. */
    void backward(
            INDArray q,
            INDArray k,
            INDArray v,
            INDArray probabilities,
            INDArray dout,
            INDArray dq,
            INDArray dk,
            INDArray dv) {
        long at = 0;
        for (int s = 0; s < layout.sequences(); s++) {
            long queries = layout.queryLength(s);
            long keys = layout.keyLength(s);
            if (queries == 0) {
                clearKeys(dk, s);
                clearKeys(dv, s);
                continue;
            }
            for (int member = 0; dv != null && member < group; member++) {
                Products.multiply(
                        1,
                        scores(probabilities, at, s, member).transpose(),
                        queries(dout, s, member),
                        member == 0 ? 0 : 1,
                        keys(dv, s));
            }
            if (dq != null || dk != null) {
                try (Call within = call.nested()) {
                    INDArray gradient = within.scratch(layout.heads() * queries, keys);
                    for (int member = 0; member < group; member++) {
                        Products.multiply(
                                1, queries(dout, s, member), keys(v, s).transpose(), 0, scores(gradient, 0, s, member));
                    }
                    Rows.softmaxGrad(within, rows(probabilities, at, s), gradient, gradient);
                    if (layout.softCap() != 0) {
                        INDArray scores = within.scratch(gradient.shape());
                        INDArray slope = within.scratch(gradient.shape());
                        rawScores(s, 0, q, k, scores);
                        Ops.mul(scores, 1 / layout.softCap(), scores);
                        Functions.derivative(within, Unary.TANH, scores, slope);
                        Ops.mul(gradient, slope, gradient);
                    }
                    scoreGrad(s, gradient, q, k, dq, dk);
                }
            }
            at += layout.heads() * queries * keys;
        }
    }

    private void scoreGrad(int s, INDArray gradient, INDArray q, INDArray k, INDArray dq, INDArray dk) {
        for (int member = 0; member < group; member++) {
            Stack scores = scores(gradient, 0, s, member);
            if (dq != null) {
                Products.multiply(layout.scale(), scores, keys(k, s), 0, queries(dq, s, member));
            }
            if (dk != null) {
                Products.multiply(
                        layout.scale(), scores.transpose(), queries(q, s, member), member == 0 ? 0 : 1, keys(dk, s));
            }
        }
    }

    /** Of a sequence and of one query head in each group: [queries, headSize] for each key head. */
    private Stack queries(INDArray memory, int s, int member) {
        long width = (long) layout.heads() * size;
        return new Stack(
                memory,
                layout.queryOffsets()[s] * width + (long) member * size,
                layout.keyHeads(),
                (long) group * size,
                layout.queryLength(s),
                size,
                width,
                1);
    }

    /** Of a sequence: [keys, headSize] for each key head. */
    private Stack keys(INDArray memory, int s) {
        long width = (long) layout.keyHeads() * size;
        return new Stack(
                memory, layout.keyOffsets()[s] * width, layout.keyHeads(), size, layout.keyLength(s), size, width, 1);
    }

    /** Of one query head in each group: [queries, keys] for each key head, the sequence's first being at {@code offset}. */
    private Stack scores(INDArray memory, long offset, int s, int member) {
        long queries = layout.queryLength(s);
        long keys = layout.keyLength(s);
        return new Stack(
                memory,
                offset + member * queries * keys,
                layout.keyHeads(),
                group * queries * keys,
                queries,
                keys,
                keys,
                1);
    }

    private void clearKeys(INDArray gradient, int s) {
        int keys = layout.keyLength(s);
        if (gradient != null && keys > 0) {
            long width = (long) layout.keyHeads() * size;
            Views.strided(gradient, layout.keyOffsets()[s] * width, new long[] {keys * width}, new long[] {1})
                    .assign(0);
        }
    }
}
