package org.attune.kernel.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.BitSet;
import org.attune.generation.Decoding.Sampling;
import org.attune.tensor.Rng;
import org.junit.jupiter.api.Test;

class LogitsTest {
    private static final float OUT = Float.NEGATIVE_INFINITY;

    /** Logits of these probabilities. */
    private static float[] of(double... probabilities) {
        float[] x = new float[probabilities.length];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) Math.log(probabilities[i]);
        }
        return x;
    }

    private static boolean[] kept(float[] x, Sampling sampling) {
        Logits.restrict(x, sampling);
        boolean[] kept = new boolean[x.length];
        for (int i = 0; i < x.length; i++) {
            kept[i] = x[i] != OUT;
        }
        return kept;
    }

    @Test
    void theFirstOfEqualLogitsIsTheLargest() {
        assertThat(Logits.largest(new float[] {1, 3, 3, 2})).isEqualTo(1);
    }

    @Test
    void temperatureDividesLogits() {
        float[] x = {1, -2, 0};
        Logits.restrict(x, new Sampling(0.5, 0, 1, 0));
        assertThat(x).containsExactly(2, -4, 0);
    }

    @Test
    void theRepetitionPenaltyMakesSeenTokensLessLikelyWhateverTheirSign() {
        float[] x = {2, -2, 2, -2};
        BitSet seen = new BitSet();
        seen.set(0);
        seen.set(1);
        Logits.penalise(x, seen, 2);
        assertThat(x).containsExactly(1, -4, 2, -2);
    }

    @Test
    void topKKeepsTheKLikeliestAndWhatTiesWithTheLast() {
        assertThat(kept(new float[] {1, 5, 3, 3, 0}, new Sampling(1, 2, 1, 0)))
                .containsExactly(false, true, true, true, false);
        assertThat(kept(new float[] {1, 5}, new Sampling(1, 7, 1, 0))).containsExactly(true, true);
    }

    @Test
    void topPKeepsTheFewestTokensThatReachTheSum() {
        assertThat(kept(of(0.1, 0.4, 0.3, 0.2), new Sampling(1, 0, 0.6, 0))).containsExactly(false, true, true, false);
        assertThat(kept(of(0.1, 0.4, 0.3, 0.2), new Sampling(1, 0, 0.75, 0))).containsExactly(false, true, true, true);
    }

    @Test
    void topPKeepsTheLikeliestTokenAlways() {
        assertThat(kept(of(0.1, 0.6, 0.3), new Sampling(1, 0, 1e-9, 0))).containsExactly(false, true, false);
    }

    @Test
    void topPSeesOnlyWhatTopKLeft() {
        // Of 0.4 and 0.3 the first has 0.57 already.
        assertThat(kept(of(0.1, 0.4, 0.3, 0.2), new Sampling(1, 2, 0.55, 0)))
                .containsExactly(false, true, false, false);
    }

    @Test
    void minPComparesWithTheLikeliestToken() {
        assertThat(kept(of(0.5, 0.26, 0.16, 0.08), new Sampling(1, 0, 1, 0.3)))
                .containsExactly(true, true, true, false);
    }

    @Test
    void drawsFollowTheProbabilities() {
        double[] expected = {0.5, 0.2, 0, 0.3};
        float[] x = of(0.5, 0.2, 1, 0.3);
        x[2] = OUT;
        int[] counts = new int[4];
        Rng rng = Rng.of(3);
        int draws = 20_000;
        for (int i = 0; i < draws; i++) {
            counts[Logits.draw(x, rng.uniform(i))]++;
        }
        for (int i = 0; i < 4; i++) {
            // Four standard deviations of a share of 20,000 draws are at most 0.015.
            assertThat(counts[i] / (double) draws).isCloseTo(expected[i], within(0.015));
        }
        assertThat(counts[2]).isZero();
    }

    @Test
    void theDrawAtTheEndIsATokenThatIsIn() {
        assertThat(Logits.draw(new float[] {0, 0, OUT}, Math.nextDown(1.0))).isEqualTo(1);
    }

    @Test
    void logProbabilitiesSumToOne() {
        float[] x = {100, 101, 99};
        Logits.toLogProbabilities(x);
        assertThat(Math.exp(x[0]) + Math.exp(x[1]) + Math.exp(x[2])).isCloseTo(1, within(1e-6));
        assertThat(x[1] - x[0]).isCloseTo(1, within(1e-5f));
    }
}
