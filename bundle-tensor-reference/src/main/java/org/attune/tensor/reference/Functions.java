package org.attune.tensor.reference;

import org.attune.tensor.engine.Unary;

/** The element-wise functions and their derivatives. */
final class Functions {
    private static final double SQRT_2 = Math.sqrt(2);
    private static final double SQRT_2_PI = Math.sqrt(2 * Math.PI);
    private static final double SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
    private static final double CUBIC = 0.044715;

    private Functions() {}

    static double value(Unary op, double x) {
        return switch (op) {
            case EXP -> Math.exp(x);
            case LOG -> Math.log(x);
            case SQRT -> Math.sqrt(x);
            case ABS -> Math.abs(x);
            case TANH -> Math.tanh(x);
            case SIGMOID -> sigmoid(x);
            case RELU -> Math.max(x, 0);
            case GELU -> x * normalDistribution(x);
            case GELU_TANH -> x / 2 * (1 + Math.tanh(tanhArgument(x)));
            case SILU -> x * sigmoid(x);
        };
    }

    static double derivative(Unary op, double x) {
        return switch (op) {
            case EXP -> Math.exp(x);
            case LOG -> 1 / x;
            case SQRT -> 0.5 / Math.sqrt(x);
            case ABS -> Math.signum(x);
            case TANH -> squaredSech(x);
            case SIGMOID -> sigmoid(x) * sigmoid(-x);
            case RELU -> x > 0 ? 1 : 0;
            case GELU -> normalDistribution(x) + x * Math.exp(-x * x / 2) / SQRT_2_PI;
            case GELU_TANH -> {
                double u = tanhArgument(x);
                double du = SQRT_2_OVER_PI * (1 + 3 * CUBIC * x * x);
                yield (1 + Math.tanh(u)) / 2 + x / 2 * squaredSech(u) * du;
            }
            case SILU -> sigmoid(x) * (1 + x * sigmoid(-x));
        };
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    /** 1 - tanh^2, without its cancellation. */
    private static double squaredSech(double x) {
        double c = Math.cosh(x);
        return 1 / (c * c);
    }

    private static double normalDistribution(double x) {
        return Erf.erfc(-x / SQRT_2) / 2;
    }

    private static double tanhArgument(double x) {
        return SQRT_2_OVER_PI * (x + CUBIC * x * x * x);
    }
}
