package org.attune.testkit;

import java.util.Arrays;
import org.attune.tensor.engine.AttentionLayout;

/**
 * How large the numbers are that attention adds up: its formulas with the absolute value of each term.
 *
 * @param largestScore the largest sum of absolute terms of a score
 * @param magnitudes of the result alone, or of the gradients of q, k and v
 */
record AttentionSizes(double largestScore, double[][] magnitudes) {
    /** From the operands of a call. */
    interface Of {
        AttentionSizes of(double[][] operands);
    }

    /** A layout's name in a test. */
    static String named(AttentionLayout layout) {
        return layout.heads() + "/" + layout.keyHeads() + " heads of " + layout.headSize()
                + (layout.causal() ? " causal " : " ") + Arrays.toString(layout.queryOffsets())
                + Arrays.toString(layout.keyOffsets())
                + (layout.window() == AttentionLayout.ALL ? "" : " window " + layout.window())
                + (layout.softCap() == 0 ? "" : " soft cap " + layout.softCap());
    }

    static AttentionSizes forward(AttentionLayout layout, double[] q, double[] k, double[] v) {
        double[][] sizes = {new double[q.length]};
        return new AttentionSizes(walk(layout, q, k, v, null, sizes), sizes);
    }

    static AttentionSizes backward(AttentionLayout layout, double[] q, double[] k, double[] v, double[] dout) {
        double[][] sizes = {new double[q.length], new double[k.length], new double[k.length]};
        return new AttentionSizes(walk(layout, q, k, v, dout, sizes), sizes);
    }

    private static double walk(
            AttentionLayout layout, double[] q, double[] k, double[] v, double[] dout, double[][] sizes) {
        int size = layout.headSize();
        int width = layout.heads() * size;
        int keyWidth = layout.keyHeads() * size;
        int group = layout.heads() / layout.keyHeads();
        double largest = 0;
        for (int s = 0; s < layout.sequences(); s++) {
            int hidden = layout.keyLength(s) - layout.queryLength(s);
            for (int i = 0; i < layout.queryLength(s); i++) {
                int end = layout.causal() ? hidden + i + 1 : layout.keyLength(s);
                int first = Math.max(0, end - layout.window());
                int keys = end - first;
                for (int h = 0; h < layout.heads(); h++) {
                    int query = (layout.queryOffsets()[s] + i) * width + h * size;
                    int firstKey = (layout.keyOffsets()[s] + first) * keyWidth + h / group * size;
                    double[] p = new double[keys];
                    double[] dp = new double[keys];
                    double[] slope = new double[keys]; // of the soft cap
                    double norm = 0;
                    double mean = 0;
                    for (int j = 0; j < keys; j++) {
                        int key = firstKey + j * keyWidth;
                        double score = 0;
                        double absolute = 0;
                        for (int e = 0; e < size; e++) {
                            double term = layout.scale() * q[query + e] * k[key + e];
                            score += term;
                            absolute += Math.abs(term);
                            dp[j] += dout == null ? 0 : Math.abs(dout[query + e] * v[key + e]);
                        }
                        largest = Math.max(largest, absolute);
                        double cap = layout.softCap();
                        double tanh = cap == 0 ? 0 : Math.tanh(score / cap);
                        slope[j] = 1 + tanh * tanh;
                        p[j] = Math.exp(cap == 0 ? score : cap * tanh);
                        norm += p[j];
                        mean += p[j] * dp[j];
                    }
                    for (int j = 0; j < keys; j++) {
                        int key = firstKey + j * keyWidth;
                        double probability = p[j] / norm;
                        double ds = layout.scale() * slope[j] * probability * (dp[j] + mean / norm);
                        for (int e = 0; e < size; e++) {
                            if (dout == null) {
                                sizes[0][query + e] += probability * Math.abs(v[key + e]);
                            } else {
                                sizes[0][query + e] += ds * Math.abs(k[key + e]);
                                sizes[1][key + e] += ds * Math.abs(q[query + e]);
                                sizes[2][key + e] += probability * Math.abs(dout[query + e]);
                            }
                        }
                    }
                }
            }
        }
        return largest;
    }
}
