package org.attune.tensor.io;

/** The two 16-bit floating-point formats, to single precision, exactly, and from it. */
public final class HalfFloats {
    private HalfFloats() {}

    /** bfloat16: the upper half of a single. */
    public static float fromBfloat16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** bfloat16, to nearest and ties to even; what is too large becomes infinite. */
    public static short toBfloat16(float x) {
        int bits = Float.floatToRawIntBits(x);
        boolean isNaN = (bits & 0x7fffffff) > 0x7f800000;
        int rounded = isNaN ? bits | 0x400000 : bits + 0x7fff + (bits >>> 16 & 1);
        return (short) (rounded >>> 16);
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

    /** IEEE 754 binary16, to nearest and ties to even; what is too large becomes infinite. */
    public static short toFloat16(float x) {
        int bits = Float.floatToIntBits(x);
        int sign = bits >>> 16 & 0x8000;
        int magnitude = bits & 0x7fffffff;
        if (magnitude > 0x7f800000) {
            return (short) (sign | 0x7e00); // NaN
        }
        if (magnitude >= 0x477ff000) { // from 65520 on, halfway to what would come after the largest
            return (short) (sign | 0x7c00);
        }
        if (magnitude < 0x38800000) { // below 2^-14 steps are of 2^-24
            return (short) (sign | (int) Math.rint(Math.abs(x) * 0x1p24));
        }
        int rounded = magnitude + 0xfff + (magnitude >>> 13 & 1);
        return (short) (sign | rounded - (112 << 23) >>> 13); // the exponent's bias is 15 rather than 127
    }
}
