package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.Arrays;
import org.attune.tensor.DType;

/** How far rounding to an element type may move a number. */
final class Precision {
    /** Roundings in a row that one differentiable operation may take, backward and the test's own weights included. */
    private static final int ROUNDINGS = 8;

    private Precision() {}

    /** The largest relative error of rounding to nearest: half a unit in the last place over the least number that has that unit. */
    static double unit(DType dtype) {
        return Math.scalb(1.0, -digits(dtype));
    }

    private static int digits(DType dtype) {
        return switch (dtype) {
            case FLOAT64 -> 53;
            case FLOAT32 -> 24;
            case FLOAT16 -> 11;
            case BFLOAT16 -> 8;
        };
    }

    /**
     * The largest absolute error of rounding numbers that are too small for all digits. Engines may also round them to 0, as
     * processors' conversions to bfloat16 do.
     */
    static double tiny(DType dtype) {
        return dtype == DType.FLOAT16 ? 0x1p-25 : 0x1p-126;
    }

    /**
     * Whether results are right within a few roundings of the largest of them: loose, because inside an operation's gradient
     * there are intermediate results of the narrow type. The kernels themselves are measured in {@link TypesContract}.
     */
    static void check(String what, DType dtype, double[] actual, double[] expected) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        for (int i = 0; i < actual.length; i++) {
            double allowed = ROUNDINGS * unit(dtype) * (1 + largest);
            if (!(Math.abs(actual[i] - expected[i]) <= allowed)) {
                fail("%s: element %d is %s, expected %s within %s", what, i, actual[i], expected[i], allowed);
            }
        }
    }
}
