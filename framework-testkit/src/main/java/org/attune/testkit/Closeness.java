package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.Arrays;
import org.attune.tensor.DType;

/**
 * When two results count as equal: {@code |actual - expected| <= absolute + relative |expected|}.
 *
 * @param absolute for results of about 1, which the inputs of the suites lead to
 * @param relative for large ones
 */
record Closeness(double absolute, double relative) {
    /** Of a gradient and its central difference in float64: the difference's own error is about 1e-9. */
    static final Closeness FINITE_DIFFERENCE = new Closeness(1e-8, 1e-6);

    /** For one operation or a few in a row. */
    static Closeness of(DType dtype) {
        return switch (dtype) {
            case FLOAT64 -> new Closeness(1e-12, 1e-11);
            case FLOAT32 -> new Closeness(2e-6, 1e-5);
            case FLOAT16, BFLOAT16 -> throw new IllegalArgumentException("no engine computes in " + dtype);
        };
    }

    /** For results that are sums of numbers of the size of the largest of them: what cancels leaves the error of what was added up. */
    Closeness ofSums(double[] expected) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        return new Closeness(absolute * Math.max(1, largest), relative);
    }

    void check(String what, double[] actual, double[] expected) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; i++) {
            double error = Math.abs(actual[i] - expected[i]);
            if (!(error <= absolute + relative * Math.abs(expected[i]))) { // so that NaN fails
                fail("%s: element %d is %s, expected %s", what, i, actual[i], expected[i]);
            }
        }
    }
}
