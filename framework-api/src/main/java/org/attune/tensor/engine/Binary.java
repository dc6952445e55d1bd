package org.attune.tensor.engine;

/** Element-wise functions of two arguments. */
public enum Binary {
    /** a + b. */
    ADD,
    /** a - b. */
    SUB,
    /** a b. */
    MUL,
    /** a / b. */
    DIV
}
