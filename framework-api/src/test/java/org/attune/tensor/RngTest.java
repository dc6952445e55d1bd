package org.attune.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RngTest {
    private static final int DRAWS = 100_000;

    /** Runs are repeated and resumed from their seeds, so these numbers never change. */
    @Test
    void numbersAreTheSameForEver() {
        assertThat(Rng.of(0).bits(0)).isEqualTo(0xa706dd2f4d197e6fL);
        assertThat(Rng.of(0).bits(1)).isEqualTo(0xb382a305f4414f5eL);
        assertThat(Rng.of(42).bits(7)).isEqualTo(0xbc16a3d4cc48678eL);
        assertThat(Rng.of(42).at(3).bits(0)).isEqualTo(0x21c310276e9347e1L);
        assertThat(Rng.of(42).at("dropout").bits(0)).isEqualTo(0x175c2c2b59ad7c84L);
        assertThat(Rng.of(42).at(3).at("dropout").bits(1_000_000_000_000L)).isEqualTo(0x38d2d00c810a7b63L);
        assertThat(Rng.of(42).uniform(0)).isEqualTo(0.34329192209867343);
        assertThat(Rng.of(42).gaussian(0)).isCloseTo(0.8818545873573221, within(1e-15));
        assertThat(IntStream.range(0, 8).map(i -> Rng.of(42).below(10, i))).containsExactly(3, 9, 4, 0, 6, 0, 1, 7);
        assertThat(Rng.of(42).permutation(10)).containsExactly(5, 8, 1, 4, 0, 7, 2, 9, 6, 3);
    }

    @Test
    void uniformNumbersFillTheUnitInterval() {
        Rng rng = Rng.of(1).at("uniform");
        int[] counts = new int[100];
        for (int i = 0; i < DRAWS; i++) {
            double u = rng.uniform(i);
            assertThat(u).isBetween(0.0, Math.nextDown(1.0));
            counts[(int) (100 * u)]++;
        }
        assertThat(chiSquare(counts)).isLessThan(149); // 99 degrees of freedom: exceeded once in a thousand seeds
    }

    @Test
    void integersBelowABoundAreUniform() {
        Rng rng = Rng.of(1).at("below");
        int[] counts = new int[7];
        for (int i = 0; i < DRAWS; i++) {
            counts[rng.below(7, i)]++;
        }
        assertThat(chiSquare(counts)).isLessThan(22.5); // 6 degrees of freedom: once in a thousand
        assertThat(IntStream.range(0, 1000).map(i -> rng.below(Integer.MAX_VALUE, i)))
                .allMatch(i -> i >= 0 && i < Integer.MAX_VALUE)
                .anyMatch(i -> i > 1 << 30);
        assertThat(rng.below(1, 5)).isZero();
    }

    private static double chiSquare(int[] counts) {
        double expected = (double) DRAWS / counts.length;
        return IntStream.of(counts)
                .mapToDouble(c -> (c - expected) * (c - expected) / expected)
                .sum();
    }

    @Test
    void gaussianNumbersHaveTheirMoments() {
        Rng rng = Rng.of(1).at("gaussian");
        double[] powers = new double[5];
        for (int i = 0; i < DRAWS; i++) {
            double g = rng.gaussian(i);
            for (int p = 1; p < powers.length; p++) {
                powers[p] += Math.pow(g, p) / DRAWS;
            }
        }
        // Within four standard errors.
        assertThat(powers[1]).isCloseTo(0, within(4 / Math.sqrt(DRAWS)));
        assertThat(powers[2]).isCloseTo(1, within(4 * Math.sqrt(2.0 / DRAWS)));
        assertThat(powers[3]).isCloseTo(0, within(4 * Math.sqrt(15.0 / DRAWS)));
        assertThat(powers[4]).isCloseTo(3, within(4 * Math.sqrt(96.0 / DRAWS)));
    }

    @Test
    void permutationsHoldEachIndexOnce() {
        for (int n : new int[] {0, 1, 2, 17, 1000}) {
            assertThat(Rng.of(3).at(n).permutation(n))
                    .containsExactlyInAnyOrder(IntStream.range(0, n).toArray());
        }
    }

    @Test
    void permutationsAreEquallyLikely() {
        int[] counts = new int[24];
        for (int i = 0; i < DRAWS; i++) {
            int[] p = Rng.of(2).at(i).permutation(4);
            int rank = 0; // in the order of the factorial number system
            for (int j = 0; j < 4; j++) {
                int smaller = 0;
                for (int l = j + 1; l < 4; l++) {
                    smaller += p[l] < p[j] ? 1 : 0;
                }
                rank = rank * (4 - j) + smaller;
            }
            counts[rank]++;
        }
        assertThat(chiSquare(counts)).isLessThan(50); // 23 degrees of freedom: once in a thousand
    }

    @Test
    void placesNameIndependentStreams() {
        Set<Long> seen = new HashSet<>();
        Rng root = Rng.of(9);
        for (int i = 0; i < 1000; i++) {
            seen.add(root.bits(i));
            seen.add(root.at(i).bits(0));
            seen.add(root.at(i).at(0).bits(0));
            seen.add(root.at("layer." + i).bits(0));
            seen.add(Rng.of(100 + i).bits(1));
        }
        assertThat(seen).hasSize(5000);
        assertThat(root.at(1).at(2).bits(0)).isNotEqualTo(root.at(2).at(1).bits(0));
    }
}
