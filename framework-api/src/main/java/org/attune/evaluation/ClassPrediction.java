package org.attune.evaluation;

/**
 * How probable a model takes each class to be.
 *
 * @param example the example's index in its split
 * @param gold the right class, from 0
 * @param probabilities of each class; they sum to 1
 */
public record ClassPrediction(long example, int gold, double[] probabilities) implements Prediction {
    /** The most probable class; of equals the lowest. */
    public int predicted() {
        int best = 0;
        for (int i = 1; i < probabilities.length; i++) {
            if (probabilities[i] > probabilities[best]) {
                best = i;
            }
        }
        return best;
    }
}
