package org.attune.models.gguf;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;
import org.attune.tensor.io.BlockType;

/**
 * The element types of GGUF tensors that can be read. A row is stored in blocks of a fixed number of elements, whose bytes
 * {@link Blocks} describes; a plain type has blocks of one.
 */
enum GgufType {
    F32(0, 1, 4, Blocks::f32),
    F16(1, 1, 2, Blocks::f16),
    Q4_0(2, 32, 18, Blocks::q40),
    Q4_1(3, BlockType.Q4_1),
    Q5_0(6, 32, 22, Blocks::q50),
    Q5_1(7, 32, 24, Blocks::q51),
    Q8_0(8, BlockType.Q8_0),
    Q4_K(12, Blocks.SUPER, 144, Blocks::q4k),
    Q5_K(13, Blocks.SUPER, 176, Blocks::q5k),
    Q6_K(14, Blocks.SUPER, 210, Blocks::q6k),
    BF16(30, 1, 2, Blocks::bf16);

    /** Decodes the block at byte {@code from} to {@code out[at]} and on. */
    private interface Decoder {
        void decode(ByteBuffer in, int from, float[] out, int at);
    }

    private final int id;
    private final int blockSize;
    private final int blockBytes;

    @SuppressWarnings("ImmutableEnumChecker") // a function without state
    private final Decoder decoder;

    private final Optional<BlockType> kept;

    GgufType(int id, int blockSize, int blockBytes, Decoder decoder) {
        this.id = id;
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
        this.decoder = decoder;
        this.kept = Optional.empty();
    }

    GgufType(int id, BlockType kept) {
        this.id = id;
        this.blockSize = kept.elements();
        this.blockBytes = kept.bytes();
        this.decoder = kept::decode;
        this.kept = Optional.of(kept);
    }

    /** The type that files give this number. */
    static Optional<GgufType> of(int id) {
        return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
    }

    static String names() {
        return Arrays.stream(values()).map(GgufType::name).collect(Collectors.joining(", "));
    }

    /** Its number in files. */
    int id() {
        return id;
    }

    /** Elements in a block; the length of a row is a multiple. */
    int blockSize() {
        return blockSize;
    }

    /** Bytes of a block. */
    int blockBytes() {
        return blockBytes;
    }

    /** The type as engines know it, if matrices of it may stay in their blocks. */
    Optional<BlockType> kept() {
        return kept;
    }

    /**
     * Decodes the first {@code n} elements of {@code in}, a multiple of the block's, to {@code out[at]} and on. Exactly what ggml
     * computes: each operation rounds to float32.
     *
     * @param in little-endian
     */
    void decode(ByteBuffer in, float[] out, int at, int n) {
        for (int i = 0, from = in.position(); i < n; i += blockSize, from += blockBytes) {
            decoder.decode(in, from, out, at + i);
        }
    }
}
