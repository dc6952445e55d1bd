package org.attune.tensor.reference;

import java.util.Arrays;
import org.attune.tensor.engine.AttentionLayout;

/** Softmax attention, one (sequence, head, query) at a time. */
final class AttentionKernel {
    /**
     * One query's place: where its head's elements and its probabilities are, and which keys it sees.
     *
     * @param keyAt elements of the first key that it sees
     * @param hidden keys before that one
     * @param visible keys that it sees
     */
    private record Query(int at, int keyAt, int keyStride, int probabilitiesAt, int keys, int hidden, int visible) {}

    private interface Visitor {
        void visit(Query query);
    }

    private AttentionKernel() {}

    static void forward(
            AttentionLayout layout,
            DoubleStorage q,
            DoubleStorage k,
            DoubleStorage v,
            DoubleStorage out,
            DoubleStorage probabilities) {
        int size = layout.headSize();
        double[] p = probabilities.data();
        forEachQuery(layout, query -> {
            int row = probabilities.offset() + query.probabilitiesAt;
            Arrays.fill(p, row, row + query.keys, 0);
            int po = row + query.hidden;
            for (int j = 0; j < query.visible; j++) {
                double score = score(layout, q, k, query, j);
                p[po + j] = layout.softCap() == 0 ? score : layout.softCap() * Math.tanh(score / layout.softCap());
            }
            Rows.softmax(p, po, query.visible, p, po);
            int oo = out.offset() + query.at;
            Arrays.fill(out.data(), oo, oo + size, 0);
            for (int j = 0; j < query.visible; j++) {
                addScaled(p[po + j], v.data(), v.offset() + query.keyAt + j * query.keyStride, out.data(), oo, size);
            }
        });
    }

    static void backward(
            AttentionLayout layout,
            DoubleStorage q,
            DoubleStorage k,
            DoubleStorage v,
            DoubleStorage probabilities,
            DoubleStorage dout,
            DoubleStorage dq,
            DoubleStorage dk,
            DoubleStorage dv) {
        clear(dq);
        clear(dk);
        clear(dv);
        int size = layout.headSize();
        double[] p = probabilities.data();
        double[] g = dout.data();
        forEachQuery(layout, query -> {
            int po = probabilities.offset() + query.probabilitiesAt + query.hidden;
            int go = dout.offset() + query.at;
            double[] scores = new double[query.visible];
            for (int j = 0; j < query.visible; j++) {
                int key = query.keyAt + j * query.keyStride;
                scores[j] = dot(g, go, v.data(), v.offset() + key, size);
                if (dv != null) {
                    addScaled(p[po + j], g, go, dv.data(), dv.offset() + key, size);
                }
            }
            Rows.softmaxGrad(p, po, scores, 0, query.visible, scores, 0);
            for (int j = 0; j < query.visible; j++) {
                int key = query.keyAt + j * query.keyStride;
                double scaled = layout.scale() * scores[j];
                if (layout.softCap() != 0) {
                    double tanh = Math.tanh(score(layout, q, k, query, j) / layout.softCap());
                    scaled *= 1 - tanh * tanh;
                }
                if (dq != null) {
                    addScaled(scaled, k.data(), k.offset() + key, dq.data(), dq.offset() + query.at, size);
                }
                if (dk != null) {
                    addScaled(scaled, q.data(), q.offset() + query.at, dk.data(), dk.offset() + key, size);
                }
            }
        });
    }

    private static void forEachQuery(AttentionLayout layout, Visitor visitor) {
        int size = layout.headSize();
        int width = layout.heads() * size;
        int keyWidth = layout.keyHeads() * size;
        int probabilitiesAt = 0;
        for (int s = 0; s < layout.sequences(); s++) {
            int queries = layout.queryLength(s);
            int keys = layout.keyLength(s);
            for (int h = 0; h < layout.heads(); h++) {
                int keyHead = h / (layout.heads() / layout.keyHeads());
                int keyAt = layout.keyOffsets()[s] * keyWidth + keyHead * size;
                for (int i = 0; i < queries; i++) {
                    int at = (layout.queryOffsets()[s] + i) * width + h * size;
                    int first = layout.firstKey(s, i);
                    int visible = layout.endKey(s, i) - first;
                    visitor.visit(
                            new Query(at, keyAt + first * keyWidth, keyWidth, probabilitiesAt, keys, first, visible));
                    probabilitiesAt += keys;
                }
            }
        }
    }

    /** Before the soft cap: of a query and the key {@code j} among those that it sees. */
    private static double score(AttentionLayout layout, DoubleStorage q, DoubleStorage k, Query query, int j) {
        int key = k.offset() + query.keyAt + j * query.keyStride;
        return layout.scale() * dot(q.data(), q.offset() + query.at, k.data(), key, layout.headSize());
    }

    private static void clear(DoubleStorage s) {
        if (s != null) {
            Arrays.fill(s.data(), s.offset(), s.offset() + s.length(), 0);
        }
    }

    private static double dot(double[] a, int ao, double[] b, int bo, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += a[ao + i] * b[bo + i];
        }
        return sum;
    }

    private static void addScaled(double scale, double[] x, int xo, double[] y, int yo, int n) {
        for (int i = 0; i < n; i++) {
            y[yo + i] += scale * x[xo + i];
        }
    }
}
