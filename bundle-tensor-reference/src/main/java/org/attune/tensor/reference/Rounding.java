package org.attune.tensor.reference;

import org.attune.tensor.DType;

/** Rounding of doubles to a narrower type, to nearest and ties to even. */
final class Rounding {
    private static final int HALF_DIGITS = 11;
    private static final int HALF_SMALLEST_EXPONENT = -14;
    private static final double HALF_OVERFLOW = 65520;
    private static final int BFLOAT_DIGITS = 8;
    private static final int BFLOAT_SMALLEST_EXPONENT = -126;

    private Rounding() {}

    static double round(double x, DType dtype) {
        return switch (dtype) {
            case FLOAT64 -> x;
            case FLOAT32 -> (float) x;
            case FLOAT16 ->
                Math.abs(x) >= HALF_OVERFLOW
                        ? Math.copySign(Double.POSITIVE_INFINITY, x)
                        : toDigits(x, HALF_DIGITS, HALF_SMALLEST_EXPONENT);
            case BFLOAT16 -> (float) toDigits(x, BFLOAT_DIGITS, BFLOAT_SMALLEST_EXPONENT);
        };
    }

    /** To so many significant binary digits; with fewer below the smallest normal exponent. */
    private static double toDigits(double x, int digits, int smallest) {
        if (x == 0 || Double.isNaN(x) || Double.isInfinite(x)) {
            return x;
        }
        int exponent = Math.max(Math.getExponent(x), smallest);
        double unit = Math.scalb(1.0, exponent - digits + 1);
        return Math.rint(x / unit) * unit;
    }
}
