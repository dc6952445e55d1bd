package org.attune.tensor.io;

import java.nio.ByteBuffer;

/**
 * Types of numbers that stand in blocks: a few bits for each, and what they are scaled by once for all. A row of a matrix is a whole
 * number of blocks.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h">ggml-common.h</a>, whose bytes these are
 */
public enum BlockType {
    /** {@code scale q}: the scale (float16), then 32 signed bytes q. */
    Q8_0(34) {
        @Override
        public void decode(ByteBuffer in, int from, float[] out, int at) {
            float scale = HalfFloats.fromFloat16(in.getShort(from));
            for (int j = 0; j < ELEMENTS; j++) {
                out[at + j] = scale * in.get(from + 2 + j);
            }
        }
    },
    /**
     * {@code scale q + minimum}: scale and minimum (float16), then 16 bytes of q from 0 to 15. Byte j holds element j in its lower four
     * bits and element j + 16 in its upper ones.
     */
    Q4_1(20) {
        @Override
        public void decode(ByteBuffer in, int from, float[] out, int at) {
            float scale = HalfFloats.fromFloat16(in.getShort(from));
            float minimum = HalfFloats.fromFloat16(in.getShort(from + 2));
            for (int j = 0; j < ELEMENTS / 2; j++) {
                int packed = in.get(from + 4 + j);
                out[at + j] = scale * (packed & 15) + minimum;
                out[at + j + ELEMENTS / 2] = scale * (packed >> 4 & 15) + minimum;
            }
        }
    };

    /** Numbers in a block. */
    public static final int ELEMENTS = 32;

    private final int bytes;

    BlockType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of a block. */
    public int bytes() {
        return bytes;
    }

    /**
     * Decodes the block at byte {@code from} of {@code in} to {@code out[at]} and on. Exactly what ggml computes: each operation rounds
     * to float32.
     *
     * @param in little-endian
     */
    public abstract void decode(ByteBuffer in, int from, float[] out, int at);
}
