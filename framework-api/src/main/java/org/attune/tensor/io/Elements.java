package org.attune.tensor.io;

import java.nio.ByteBuffer;
import java.nio.ShortBuffer;

/** Conversion of a file's elements. Each method converts the first {@code n} elements of {@code in} to {@code out[at...]}. */
final class Elements {
    private Elements() {}

    static void toFloats(ElementType type, ByteBuffer in, float[] out, int at, int n) {
        switch (type) {
            case F32 -> in.asFloatBuffer().get(out, at, n);
            case BF16 -> {
                ShortBuffer halves = in.asShortBuffer();
                for (int i = 0; i < n; i++) {
                    out[at + i] = fromBfloat16(halves.get(i));
                }
            }
            case F16 -> {
                ShortBuffer halves = in.asShortBuffer();
                for (int i = 0; i < n; i++) {
                    out[at + i] = fromHalf(halves.get(i));
                }
            }
            case F64 -> {
                for (int i = 0; i < n; i++) {
                    out[at + i] = (float) in.getDouble(8 * i);
                }
            }
            default -> {
                for (int i = 0; i < n; i++) {
                    out[at + i] = integer(type, in, i);
                }
            }
        }
    }

    static void toDoubles(ElementType type, ByteBuffer in, double[] out, int at, int n) {
        if (type == ElementType.F64) {
            in.asDoubleBuffer().get(out, at, n);
            return;
        }
        for (int i = 0; i < n; i++) {
            out[at + i] = switch (type) {
                case F32 -> in.getFloat(4 * i);
                case F16 -> fromHalf(in.getShort(2 * i));
                case BF16 -> fromBfloat16(in.getShort(2 * i));
                default -> integer(type, in, i);
            };
        }
    }

    static void toLongs(ElementType type, ByteBuffer in, long[] out, int at, int n) {
        for (int i = 0; i < n; i++) {
            out[at + i] = integer(type, in, i);
        }
    }

    private static long integer(ElementType type, ByteBuffer in, int i) {
        return switch (type) {
            case I64 -> in.getLong(8 * i);
            case I32 -> in.getInt(4 * i);
            case I16 -> in.getShort(2 * i);
            case I8 -> in.get(i);
            case U8 -> in.get(i) & 0xff;
            case BOOL -> in.get(i) == 0 ? 0 : 1;
            default -> throw new AssertionError(type);
        };
    }

    static float fromBfloat16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** IEEE 754 binary16: 1 sign bit, 5 bits of exponent with bias 15, 10 bits of fraction. Exact. */
    static float fromHalf(short bits) {
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
