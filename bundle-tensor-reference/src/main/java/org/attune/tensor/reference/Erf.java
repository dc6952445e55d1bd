package org.attune.tensor.reference;

/**
 * The error function to nearly full double precision. Below {@value #SWITCH} the series of positive terms
 * {@code erf x = 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!!}, which has no cancellation (Abramowitz and Stegun 1964,
 * 7.1.6); above it the continued fraction {@code erfc x = exp(-x^2)/sqrt(pi) 1/(x+ (1/2)/(x+ 1/(x+ (3/2)/(x+ ...))))}
 * (7.1.14), summed from its tail.
 */
final class Erf {
    private static final double SQRT_PI = 1.772453850905516;
    private static final double SWITCH = 1.5;
    /** Enough for a relative error below 1e-16 from {@link #SWITCH} on: the fraction converges faster the larger x is. */
    private static final int TERMS = 120;

    private Erf() {}

    static double erf(double x) {
        double a = Math.abs(x);
        return a < SWITCH ? series(x) : Math.copySign(1 - fraction(a), x);
    }

    /** {@code 1 - erf x}, without losing its digits where it is small. */
    static double erfc(double x) {
        if (x >= SWITCH) {
            return fraction(x);
        }
        return x <= -SWITCH ? 2 - fraction(-x) : 1 - series(x);
    }

    private static double series(double x) {
        double square = x * x;
        double term = x;
        double sum = x;
        for (int n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
            term *= 2 * square / (2 * n + 1);
            sum += term;
        }
        return 2 / SQRT_PI * Math.exp(-square) * sum;
    }

    private static double fraction(double x) {
        if (x == Double.POSITIVE_INFINITY) {
            return 0;
        }
        double tail = x;
        for (int n = TERMS; n > 0; n--) {
            tail = x + 0.5 * n / tail;
        }
        return Math.exp(-x * x) / (SQRT_PI * tail);
    }
}
