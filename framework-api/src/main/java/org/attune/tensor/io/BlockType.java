package org.attune.tensor.io;

import java.nio.ByteBuffer;

/**
 * Types of numbers that stand in blocks: a few bits for each, and what they are scaled by once for all. A block is a header, which says
 * the scales, and then the integers.
 *
 * <p>Blocks of GGUF files are ggml's own bytes, and a row of a matrix is a whole number of them. What {@link Quantiser} makes has the
 * numbers of bitsandbytes. Its blocks run over all elements, row-major, and the last may be short: its bytes are there, but mean
 * nothing.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h">ggml-common.h</a>
 * @see <a href="https://arxiv.org/abs/2305.14314">QLoRA</a> for NF4 and double quantisation
 */
public enum BlockType {
    /** {@code scale q}: the scale (float16), then 32 signed bytes q. */
    Q8_0(32, 32, 2, 8) {
        @Override
        public void decode(ByteBuffer in, int from, float[] out, int at) {
            float scale = HalfFloats.fromFloat16(in.getShort(from));
            for (int j = 0; j < elements(); j++) {
                out[at + j] = scale * in.get(from + 2 + j);
            }
        }
    },
    /**
     * {@code scale q + minimum}: scale and minimum (float16), then 16 bytes of q from 0 to 15. Byte j holds element j in its lower four
     * bits and element j + 16 in its upper ones.
     */
    Q4_1(32, 32, 4, 4) {
        @Override
        public void decode(ByteBuffer in, int from, float[] out, int at) {
            float scale = HalfFloats.fromFloat16(in.getShort(from));
            float minimum = HalfFloats.fromFloat16(in.getShort(from + 2));
            int half = elements() / 2;
            for (int j = 0; j < half; j++) {
                int packed = in.get(from + 4 + j);
                out[at + j] = scale * (packed & 15) + minimum;
                out[at + j + half] = scale * (packed >> 4 & 15) + minimum;
            }
        }
    },
    /**
     * {@code absmax code[q]} with the sixteen numbers of {@link NormalFloat}: absmax (float32), then 32 bytes of q. Byte j holds element
     * 2 j in its upper four bits and element 2 j + 1 in its lower ones.
     */
    NF4(64, 64, 4, 4) {
        @Override
        public void decode(ByteBuffer in, int from, float[] out, int at) {
            NormalFloat.decode(in.getFloat(from), in, from + 4, out, at);
        }
    },
    /**
     * NF4 whose absmax is quantised too: 256 groups of 64, whose absmax is {@code scale dynamic[code] + mean}. The mean over the matrix
     * and the scale (float32), 256 bytes of codes, then 32 bytes of q for each group.
     */
    NF4_DOUBLE(NormalFloat.GROUP * NormalFloat.GROUPS, NormalFloat.GROUP, 8 + NormalFloat.GROUPS, 4) {
        @Override
        public void decode(ByteBuffer in, int from, float[] out, int at) {
            float mean = in.getFloat(from);
            float scale = in.getFloat(from + 4);
            for (int i = 0; i < NormalFloat.GROUPS; i++) {
                float absmax = NormalFloat.absmax(in.get(from + 8 + i), scale, mean);
                int packed = from + headerBytes() + NormalFloat.GROUP / 2 * i;
                NormalFloat.decode(absmax, in, packed, out, at + NormalFloat.GROUP * i);
            }
        }
    },
    /** {@code absmax q / 127}: the absmax (float32) of the whole row of the matrix, then 64 signed bytes q. */
    INT8(64, 64, 4, 8) {
        @Override
        public void decode(ByteBuffer in, int from, float[] out, int at) {
            float absmax = in.getFloat(from);
            for (int j = 0; j < elements(); j++) {
                out[at + j] = in.get(from + 4 + j) * absmax * INT8_STEP;
            }
        }
    };

    /** 1 / 127 as bitsandbytes has it. */
    public static final float INT8_STEP = 0.007874016f;

    private final int elements;
    private final int group;
    private final int headerBytes;
    private final int bits;

    BlockType(int elements, int group, int headerBytes, int bits) {
        this.elements = elements;
        this.group = group;
        this.headerBytes = headerBytes;
        this.bits = bits;
    }

    /** Numbers in a block. */
    public int elements() {
        return elements;
    }

    /** Numbers that share a scale; a block is one such group or several. */
    public int group() {
        return group;
    }

    /** Bytes of a block. */
    public int bytes() {
        return headerBytes + integerBytes(elements);
    }

    /** Bytes at the front of a block that the integers are scaled by. */
    public int headerBytes() {
        return headerBytes;
    }

    /** Bytes of the integers of {@code n} numbers. */
    public int integerBytes(int n) {
        return n * bits / Byte.SIZE;
    }

    /** Blocks that so many numbers take. */
    public long blocks(long n) {
        return (n + elements - 1) / elements;
    }

    /**
     * Decodes the block at byte {@code from} of {@code in} to {@code out[at]} and on. Exactly what ggml and bitsandbytes compute: each
     * operation rounds to float32.
     *
     * @param in little-endian
     */
    public abstract void decode(ByteBuffer in, int from, float[] out, int at);
}
