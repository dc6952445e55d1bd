package org.attune.tensor.io;

/** The two 16-bit floating-point formats, to single precision. Exact. */
public final class HalfFloats {
    private HalfFloats() {}

    /** bfloat16: the upper half of a single. */
    public static float fromBfloat16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** IEEE 754 binary16: 1 sign bit, 5 bits of exponent with bias 15, 10 bits of fraction. */
    public static float fromFloat16(short bits) {
        int sign = (bits & 0x8000) << 16;
        int exponent = bits >>> 10 & 0x1f;
        int fraction = bits & 0x3ff;
        if (exponent == 0) {
            float magnitude = fraction * 0x1p-24f;
            return sign == 0 ? magnitude : -magnitude;
        }
        int widened = exponent == 0x1f ? 0xff : exponent - 15 + 127;
        return Float.intBitsToFloat(sign | widened << 23 | fraction << 13);
    }
}
