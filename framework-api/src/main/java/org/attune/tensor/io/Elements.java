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
                    out[at + i] = HalfFloats.fromBfloat16(halves.get(i));
                }
            }
            case F16 -> {
                ShortBuffer halves = in.asShortBuffer();
                for (int i = 0; i < n; i++) {
                    out[at + i] = HalfFloats.fromFloat16(halves.get(i));
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
                case F16 -> HalfFloats.fromFloat16(in.getShort(2 * i));
                case BF16 -> HalfFloats.fromBfloat16(in.getShort(2 * i));
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
}
