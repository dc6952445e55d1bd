package org.attune.models.gguf;

import static org.attune.tensor.io.HalfFloats.fromBfloat16;
import static org.attune.tensor.io.HalfFloats.fromFloat16;

import java.nio.ByteBuffer;

/**
 * The blocks of GGUF's types, but for those that may stay as they are ({@link org.attune.tensor.io.BlockType}). Each method decodes the block at byte {@code from} of {@code in}, little-endian, to
 * {@code out[at]} and on.
 *
 * <p>A block of 32 is {@code scale q} or {@code scale q + minimum}, with scale and minimum in float16 before the integers q. Of
 * packed ones byte j holds element j in its lower four bits and element j + 16 in its upper ones. A super-block of 256 (the
 * "K" types) is eight blocks of 32 or sixteen of 16, whose own scales are integers times a float16 of the super-block.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h">ggml-common.h</a>
 */
final class Blocks {
    /** Elements of a super-block. */
    static final int SUPER = 256;

    private static final int HALF = 16;

    private Blocks() {}

    static void f32(ByteBuffer in, int from, float[] out, int at) {
        out[at] = in.getFloat(from);
    }

    static void f16(ByteBuffer in, int from, float[] out, int at) {
        out[at] = fromFloat16(in.getShort(from));
    }

    static void bf16(ByteBuffer in, int from, float[] out, int at) {
        out[at] = fromBfloat16(in.getShort(from));
    }

    /** scale (float16), 16 bytes of q + 8. */
    static void q40(ByteBuffer in, int from, float[] out, int at) {
        float scale = fromFloat16(in.getShort(from));
        for (int j = 0; j < HALF; j++) {
            int packed = in.get(from + 2 + j);
            out[at + j] = scale * ((packed & 15) - 8);
            out[at + j + HALF] = scale * ((packed >> 4 & 15) - 8);
        }
    }

    /** scale (float16), the fifth bits of q + 16 (bit i of an int for element i), 16 bytes of the lower four. */
    static void q50(ByteBuffer in, int from, float[] out, int at) {
        float scale = fromFloat16(in.getShort(from));
        int fifth = in.getInt(from + 2);
        for (int j = 0; j < HALF; j++) {
            int packed = in.get(from + 6 + j);
            out[at + j] = scale * ((packed & 15 | (fifth >>> j & 1) << 4) - 16);
            out[at + j + HALF] = scale * ((packed >> 4 & 15 | (fifth >>> j + HALF & 1) << 4) - 16);
        }
    }

    /** scale and minimum (float16), the fifth bits of q, 16 bytes of the lower four. */
    static void q51(ByteBuffer in, int from, float[] out, int at) {
        float scale = fromFloat16(in.getShort(from));
        float minimum = fromFloat16(in.getShort(from + 2));
        int fifth = in.getInt(from + 4);
        for (int j = 0; j < HALF; j++) {
            int packed = in.get(from + 8 + j);
            out[at + j] = scale * (packed & 15 | (fifth >>> j & 1) << 4) + minimum;
            out[at + j + HALF] = scale * (packed >> 4 & 15 | (fifth >>> j + HALF & 1) << 4) + minimum;
        }
    }

    /**
     * scale and minimum (float16), {@link #sixBits} of the eight blocks' scales and minima, 128 bytes of q: byte 32 i + j holds
     * element j of block 2 i in its lower bits, of block 2 i + 1 in its upper ones.
     */
    static void q4k(ByteBuffer in, int from, float[] out, int at) {
        float scale = fromFloat16(in.getShort(from));
        float minimum = fromFloat16(in.getShort(from + 2));
        for (int block = 0; block < 8; block++) {
            float d = scale * sixBits(in, from + 4, block);
            float m = minimum * sixBits(in, from + 4, block + 8);
            int packed = from + 16 + 32 * (block / 2);
            int shift = 4 * (block % 2);
            for (int j = 0; j < 32; j++) {
                out[at + 32 * block + j] = d * (in.get(packed + j) >> shift & 15) - m;
            }
        }
    }

    /** As {@link #q4k}, with 32 bytes between of the fifth bits: bit i of byte j for element j of block i. */
    static void q5k(ByteBuffer in, int from, float[] out, int at) {
        float scale = fromFloat16(in.getShort(from));
        float minimum = fromFloat16(in.getShort(from + 2));
        for (int block = 0; block < 8; block++) {
            float d = scale * sixBits(in, from + 4, block);
            float m = minimum * sixBits(in, from + 4, block + 8);
            int packed = from + 48 + 32 * (block / 2);
            int shift = 4 * (block % 2);
            for (int j = 0; j < 32; j++) {
                int fifth = in.get(from + 16 + j) >> block & 1;
                out[at + 32 * block + j] = d * (in.get(packed + j) >> shift & 15 | fifth << 4) - m;
            }
        }
    }

    /**
     * 128 bytes of the lower four bits of q + 32, 64 bytes of the upper two, 16 signed bytes of scales, a scale for all (float16).
     * Elements stand in two halves of four runs of 32: a lower byte holds runs 0 and 2, or 1 and 3, an upper one all four.
     */
    static void q6k(ByteBuffer in, int from, float[] out, int at) {
        float scale = fromFloat16(in.getShort(from + 208));
        for (int run = 0; run < 8; run++) {
            int half = run / 4;
            int lower = from + 64 * half + 32 * (run % 2);
            int lowerShift = 4 * (run / 2 % 2);
            int upper = from + 128 + 32 * half;
            int upperShift = 2 * (run % 4);
            for (int j = 0; j < 32; j++) {
                float d = scale * in.get(from + 192 + 2 * run + j / HALF);
                int q = in.get(lower + j) >> lowerShift & 15 | (in.get(upper + j) >> upperShift & 3) << 4;
                out[at + 32 * run + j] = d * (q - 32);
            }
        }
    }

    /**
     * One of sixteen six-bit numbers in twelve bytes: eight scales, then eight minima. Of each eight, the first four are the
     * lower bits of a byte; the others have their lower four bits in a half of bytes 8 to 11, and their upper two above the
     * first four's.
     */
    private static int sixBits(ByteBuffer in, int from, int i) {
        int group = i / 8;
        int j = i % 8;
        int first = in.get(from + 4 * group + j % 4);
        if (j < 4) {
            return first & 63;
        }
        return in.get(from + 4 + j) >> 4 * group & 15 | (first >> 6 & 3) << 4;
    }
}
