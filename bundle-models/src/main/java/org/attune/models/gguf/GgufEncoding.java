package org.attune.models.gguf;

import java.nio.ByteBuffer;

/** How elements are written into a GGUF file, rounded as ggml rounds them. */
enum GgufEncoding {
    F32(0, 1, 4) {
        @Override
        void encode(float[] in, int from, ByteBuffer out) {
            out.putFloat(in[from]);
        }
    },
    F16(1, 1, 2) {
        @Override
        void encode(float[] in, int from, ByteBuffer out) {
            out.putShort(toFloat16(in[from]));
        }
    },
    /** 32 signed bytes behind what they are multiplied by: the largest magnitude is 127. */
    Q8_0(8, 32, 34) {
        @Override
        void encode(float[] in, int from, ByteBuffer out) {
            float largest = 0;
            for (int i = from; i < from + blockSize(); i++) {
                largest = Math.max(largest, Math.abs(in[i]));
            }
            float scale = largest / 127;
            float inverse = scale == 0 ? 0 : 1 / scale;
            out.putShort(toFloat16(scale));
            for (int i = from; i < from + blockSize(); i++) {
                double q = in[i] * inverse;
                out.put((byte) Math.copySign(Math.floor(Math.abs(q) + 0.5), q)); // C's roundf
            }
        }
    };

    private final int id;
    private final int blockSize;
    private final int blockBytes;

    GgufEncoding(int id, int blockSize, int blockBytes) {
        this.id = id;
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
    }

    /** Its number in files. */
    int id() {
        return id;
    }

    /** Elements in a block; the length of a row is a multiple. */
    int blockSize() {
        return blockSize;
    }

    /** Bytes of so many elements, a multiple of the block's. */
    long bytes(long elements) {
        return elements / blockSize * blockBytes;
    }

    /** Appends the block that begins at {@code in[from]}. */
    abstract void encode(float[] in, int from, ByteBuffer out);

    /** IEEE 754 binary16, to nearest and ties to even; what is too large becomes infinite. */
    static short toFloat16(float x) {
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
