package org.attune.models.gguf;

import static org.attune.tensor.io.HalfFloats.toFloat16;

import java.nio.ByteBuffer;

/** How elements are written into a GGUF file, rounded as ggml rounds them. */
enum GgufEncoding {
    F32(GgufType.F32) {
        @Override
        void encode(float[] in, int from, ByteBuffer out) {
            out.putFloat(in[from]);
        }
    },
    F16(GgufType.F16) {
        @Override
        void encode(float[] in, int from, ByteBuffer out) {
            out.putShort(toFloat16(in[from]));
        }
    },
    /** 32 signed bytes behind what they are multiplied by: the largest magnitude is 127. */
    Q8_0(GgufType.Q8_0) {
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

    private final GgufType type;

    GgufEncoding(GgufType type) {
        this.type = type;
    }

    /** Its number in files. */
    int id() {
        return type.id();
    }

    /** Elements in a block; the length of a row is a multiple. */
    int blockSize() {
        return type.blockSize();
    }

    /** Bytes of so many elements, a multiple of the block's. */
    long bytes(long elements) {
        return elements / type.blockSize() * type.blockBytes();
    }

    /** Appends the block that begins at {@code in[from]}. */
    abstract void encode(float[] in, int from, ByteBuffer out);
}
