package org.attune.tensor.engine;

/** Element-wise functions of one argument. */
public enum Unary {
    /** e^x. */
    EXP,
    /** The natural logarithm. */
    LOG,
    /** The square root. */
    SQRT,
    /** |x|; its derivative at 0 is 0. */
    ABS,
    /** The hyperbolic tangent. */
    TANH,
    /** 1 / (1 + e^-x). */
    SIGMOID,
    /** max(x, 0). */
    RELU,
    /** x Phi(x) with the exact normal distribution function: x/2 (1 + erf(x / sqrt 2)). */
    GELU,
    /** GPT-2's approximation: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
    GELU_TANH,
    /** x sigmoid(x), also called swish. */
    SILU
}
