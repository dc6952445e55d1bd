package org.attune.tensor.reference;

import static org.assertj.core.api.Assertions.assertThat;

import org.attune.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class RoundingTest {
    private static final int PATTERNS = 1 << 16;

    private static double round(double x, DType dtype) {
        return Rounding.round(x, dtype);
    }

    /** By the definition of the formats: sign, exponent, fraction (IEEE 754-2019, 3.4). */
    private static double decode(int pattern, DType dtype) {
        int fractionBits = dtype == DType.FLOAT16 ? 10 : 7;
        int bias = dtype == DType.FLOAT16 ? 15 : 127;
        int exponent = (pattern & 0x7fff) >> fractionBits;
        int fraction = pattern & (1 << fractionBits) - 1;
        double sign = pattern >> 15 == 0 ? 1 : -1;
        if (exponent == 2 * bias + 1) {
            return fraction == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
        }
        return exponent == 0
                ? sign * Math.scalb((double) fraction, 1 - bias - fractionBits)
                : sign * Math.scalb((double) ((1 << fractionBits) + fraction), exponent - bias - fractionBits);
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT16", "BFLOAT16"})
    void everyNumberOfTheTypeStays(DType dtype) {
        for (int p = 0; p < PATTERNS; p++) {
            double x = decode(p, dtype);
            if (Double.doubleToLongBits(round(x, dtype)) != Double.doubleToLongBits(x)) {
                assertThat(round(x, dtype)).as("pattern %x", p).isEqualTo(x);
            }
        }
    }

    /** Between neighbours: below the middle down, above it up, at it to the one whose pattern is even. */
    @ParameterizedTest
    @EnumSource(names = {"FLOAT16", "BFLOAT16"})
    void everyNumberBetweenGoesToTheNearest(DType dtype) {
        double beyondLargest = dtype == DType.FLOAT16 ? 0x1p16 : 0x1p128;
        for (int p = 0; p < PATTERNS / 2; p++) {
            double low = decode(p, dtype);
            double high = decode(p + 1, dtype);
            if (!Double.isFinite(low)) {
                break;
            }
            double middle = (low + (Double.isInfinite(high) ? beyondLargest : high)) / 2;
            double even = p % 2 == 0 ? low : high;
            for (double sign : new double[] {1, -1}) {
                check(sign * middle, sign * even, dtype);
                check(sign * Math.nextDown(middle), sign * low, dtype);
                check(sign * Math.nextUp(middle), sign * high, dtype);
            }
        }
    }

    private static void check(double x, double expected, DType dtype) {
        if (Double.doubleToLongBits(round(x, dtype)) != Double.doubleToLongBits(expected)) {
            assertThat(round(x, dtype)).as("%s to %s", x, dtype).isEqualTo(expected);
        }
    }

    @ParameterizedTest(name = "{0} as {1} is {2}")
    @CsvSource({
        "65504, FLOAT16, 65504",
        "65519.99, FLOAT16, 65504",
        "65520, FLOAT16, Infinity",
        "-65520, FLOAT16, -Infinity",
        "1e300, FLOAT16, Infinity",
        "0x1p-24, FLOAT16, 0x1p-24",
        "0x1.8p-24, FLOAT16, 0x1p-23",
        "0x1p-25, FLOAT16, 0.0",
        "-0x1p-25, FLOAT16, -0.0",
        "0x1.004p0, FLOAT16, 0x1.004p0",
        "0x1.002p0, FLOAT16, 1",
        "0x1.006p0, FLOAT16, 0x1.008p0",
        "1e300, BFLOAT16, Infinity",
        "0x1.fep127, BFLOAT16, 0x1.fep127",
        "0x1.ffp127, BFLOAT16, Infinity",
        "0x1.fefffp127, BFLOAT16, 0x1.fep127",
        "0x1.01p0, BFLOAT16, 1",
        "0x1.03p0, BFLOAT16, 0x1.04p0",
        "0x1p-133, BFLOAT16, 0x1p-133",
        "0x1p-134, BFLOAT16, 0.0",
        "4.9e-324, BFLOAT16, 0.0",
        "-4.9e-324, FLOAT16, -0.0",
        "-0.0, FLOAT16, -0.0",
        "-0.0, BFLOAT16, -0.0",
        "-0.0, FLOAT32, -0.0",
        "1e300, FLOAT32, Infinity",
        "0x1.000001p0, FLOAT32, 1",
        "0x1.000003p0, FLOAT32, 0x1.000004p0"
    })
    void edges(String from, DType dtype, String expected) {
        double actual = round(Double.parseDouble(from), dtype);
        assertThat(Double.doubleToLongBits(actual))
                .as("%s", actual)
                .isEqualTo(Double.doubleToLongBits(Double.parseDouble(expected)));
    }

    @Test
    void notANumberStaysSo() {
        for (DType dtype : DType.values()) {
            assertThat(round(Double.NaN, dtype)).isNaN();
        }
    }

    @Test
    void doublesAreNotRounded() {
        assertThat(round(Math.PI, DType.FLOAT64)).isEqualTo(Math.PI);
    }
}
