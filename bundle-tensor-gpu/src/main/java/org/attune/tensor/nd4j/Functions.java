package org.attune.tensor.nd4j;

import org.attune.tensor.engine.Unary;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.scalar.RectifiedLinear;
import org.nd4j.linalg.api.ops.impl.scalar.Step;
import org.nd4j.linalg.api.ops.impl.transforms.same.Abs;
import org.nd4j.linalg.api.ops.impl.transforms.same.Sign;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Erfc;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Sigmoid;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Tanh;

/**
 * The element-wise functions and their derivatives. ND4J's own GELU operations are approximations, so the exact one is built
 * from erfc; the derivative of tanh is taken as {@code 4 s(2x) s(-2x)} with the sigmoid s, which does not cancel far out.
 */
final class Functions {
    private static final double SQRT_2 = Math.sqrt(2);
    private static final double SQRT_2_PI = Math.sqrt(2 * Math.PI);
    /** Twice the factor of GELU_TANH, because {@code (1 + tanh u) / 2 = s(2u)}. */
    private static final double TWO_SQRT_2_OVER_PI = 2 * Math.sqrt(2 / Math.PI);

    private static final double CUBIC = 0.044715;

    private Functions() {}

    /** {@code y} is no other operand. */
    static void value(Unary op, INDArray x, INDArray y) {
        switch (op) {
            case EXP -> Ops.exp(x, y);
            case LOG -> Ops.log(x, y);
            case SQRT -> Ops.sqrt(x, y);
            case ABS -> Ops.run(new Abs(x, y));
            case TANH -> Ops.run(new Tanh(x, y));
            case SIGMOID -> sigmoid(x, y);
            case RELU -> Ops.run(new RectifiedLinear(x, y, 0.0));
            case GELU -> {
                normalDistribution(x, y);
                Ops.mul(y, x, y);
            }
            case GELU_TANH -> {
                twiceTanhArgument(x, y);
                sigmoid(y, y);
                Ops.mul(y, x, y);
            }
            case SILU -> {
                sigmoid(x, y);
                Ops.mul(y, x, y);
            }
        }
    }

    /** {@code d} is no other operand. */
    static void derivative(Call call, Unary op, INDArray x, INDArray d) {
        switch (op) {
            case EXP -> Ops.exp(x, d);
            case LOG -> Ops.divideBy(x, 1, d);
            case SQRT -> {
                Ops.sqrt(x, d);
                Ops.divideBy(d, 0.5, d);
            }
            case ABS -> Ops.run(new Sign(x, d));
            case TANH -> {
                INDArray twice = call.scratch(x.shape());
                Ops.mul(x, 2, twice);
                sigmoidSlope(call, twice, d);
                Ops.mul(d, 4, d);
            }
            case SIGMOID -> sigmoidSlope(call, x, d);
            case RELU -> Ops.run(new Step(x, d, 0.0));
            case GELU -> {
                INDArray density = call.scratch(x.shape());
                Ops.mul(x, x, density);
                Ops.mul(density, -0.5, density);
                Ops.exp(density, density);
                Ops.mul(density, x, density);
                normalDistribution(x, d);
                Ops.accumulate(1 / SQRT_2_PI, density, d);
            }
            case GELU_TANH -> {
                INDArray argument = call.scratch(x.shape());
                INDArray slope = call.scratch(x.shape());
                twiceTanhArgument(x, argument);
                sigmoidSlope(call, argument, slope);
                Ops.mul(slope, x, slope);
                Ops.mul(x, x, d);
                Ops.mul(d, 3 * CUBIC * TWO_SQRT_2_OVER_PI, d);
                Ops.add(d, TWO_SQRT_2_OVER_PI, d);
                Ops.mul(slope, d, slope);
                sigmoid(argument, d);
                Ops.add(d, slope, d);
            }
            case SILU -> {
                INDArray slope = call.scratch(x.shape());
                sigmoidSlope(call, x, slope);
                Ops.mul(slope, x, slope);
                sigmoid(x, d);
                Ops.add(d, slope, d);
            }
        }
    }

    private static void sigmoid(INDArray x, INDArray y) {
        Ops.run(new Sigmoid(x, y));
    }

    /** {@code s(x) s(-x)}. */
    private static void sigmoidSlope(Call call, INDArray x, INDArray d) {
        INDArray other = call.scratch(x.shape());
        Ops.mul(x, -1, other);
        sigmoid(other, other);
        sigmoid(x, d);
        Ops.mul(d, other, d);
    }

    private static void normalDistribution(INDArray x, INDArray y) {
        Ops.mul(x, -1 / SQRT_2, y);
        Ops.run(new Erfc(y, y));
        Ops.mul(y, 0.5, y);
    }

    private static void twiceTanhArgument(INDArray x, INDArray y) {
        Ops.mul(x, x, y);
        Ops.mul(y, CUBIC * TWO_SQRT_2_OVER_PI, y);
        Ops.add(y, TWO_SQRT_2_OVER_PI, y);
        Ops.mul(y, x, y);
    }
}
