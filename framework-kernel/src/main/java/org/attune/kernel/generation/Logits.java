package org.attune.kernel.generation;

import java.util.Arrays;
import java.util.BitSet;
import org.attune.generation.Decoding.Sampling;

/** What {@link org.attune.generation.Decoding} does to a row of logits, in place; a token that is out has minus infinity. */
final class Logits {
    private static final float OUT = Float.NEGATIVE_INFINITY;

    private Logits() {}

    /** The index of the largest; the first of equal ones. */
    static int largest(float[] x) {
        int best = 0;
        for (int i = 1; i < x.length; i++) {
            if (x[i] > x[best]) {
                best = i;
            }
        }
        return best;
    }

    /** @param seen tokens of the prompt and those generated */
    static void penalise(float[] x, BitSet seen, double penalty) {
        if (penalty == 1) {
            return;
        }
        for (int i = seen.nextSetBit(0); i >= 0; i = seen.nextSetBit(i + 1)) {
            x[i] = (float) (x[i] < 0 ? x[i] * penalty : x[i] / penalty);
        }
    }

    /** Temperature, top-k, top-p and min-p. */
    static void restrict(float[] x, Sampling sampling) {
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) (x[i] / sampling.temperature());
        }
        if (sampling.topK() > 0 && sampling.topK() < x.length) {
            keepFrom(x, kthLargest(x, sampling.topK()));
        }
        if (sampling.topP() < 1) {
            keepMass(x, sampling.topP());
        }
        if (sampling.minP() > 0) {
            keepFrom(x, (float) (x[largest(x)] + Math.log(sampling.minP())));
        }
    }

    private static void keepFrom(float[] x, float least) {
        for (int i = 0; i < x.length; i++) {
            if (x[i] < least) {
                x[i] = OUT;
            }
        }
    }

    private static float kthLargest(float[] x, int k) {
        float[] largest = Arrays.copyOf(x, k);
        Arrays.sort(largest);
        for (int i = k; i < x.length; i++) {
            if (x[i] > largest[0]) {
                int place = Arrays.binarySearch(largest, x[i]);
                int end = place >= 0 ? place : -place - 2; // what is below moves down by one
                System.arraycopy(largest, 1, largest, 0, end);
                largest[end] = x[i];
            }
        }
        return largest[0];
    }

    /** Takes out the unlikeliest tokens whose probabilities sum to at most 1 - {@code mass}; the likeliest one stays. */
    private static void keepMass(float[] x, double mass) {
        double[] probability = probabilities(x);
        double share = 1 - mass;
        double certain =
                share / x.length; // those below sum to less than the share, whatever they are: no need to sort them
        double sum = 0;
        int some = 0;
        for (double p : probability) {
            if (p < certain) {
                sum += p;
            } else {
                some++;
            }
        }
        double[] sorted = new double[some];
        int n = 0;
        for (double p : probability) {
            if (p >= certain) {
                sorted[n++] = p;
            }
        }
        Arrays.sort(sorted);
        int out = 0;
        while (out < some - 1 && sum + sorted[out] <= share) {
            sum += sorted[out++];
        }
        double least = sorted[out];
        for (int i = 0; i < x.length; i++) {
            if (probability[i] < least) {
                x[i] = OUT;
            }
        }
    }

    private static double[] probabilities(float[] x) {
        double max = x[largest(x)];
        double[] p = new double[x.length];
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            p[i] = x[i] == OUT ? 0 : Math.exp(x[i] - max);
            sum += p[i];
        }
        for (int i = 0; i < x.length; i++) {
            p[i] /= sum;
        }
        return p;
    }

    /**
     * A token by its probability.
     *
     * @param u uniform on [0, 1)
     */
    static int draw(float[] x, double u) {
        double[] p = probabilities(x);
        double left = u;
        int last = 0;
        for (int i = 0; i < p.length; i++) {
            if (p[i] > 0) {
                last = i; // where rounding leaves a little over, the last that is in
                left -= p[i];
                if (left < 0) {
                    return i;
                }
            }
        }
        return last;
    }

    /** Natural logarithms of the probabilities, in place. */
    static void toLogProbabilities(float[] x) {
        double max = x[largest(x)];
        double sum = 0;
        for (float value : x) {
            sum += Math.exp(value - max);
        }
        double normaliser = max + Math.log(sum);
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) (x[i] - normaliser);
        }
    }
}
