package org.attune.tensor.cpu;

import static org.attune.tensor.cpu.Worker.TILE;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.attune.tensor.cpu.KernelKey.RowOperation;
import org.attune.tensor.cpu.Worker.Scratch;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.io.BlockType;
import org.attune.tensor.io.HalfFloats;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Moves blocks to and from a {@link BlockStorage}. Products decode with oneDNN's conversion of bytes, which multiplies by a scale a
 * block; packed bytes are unpacked before by a loop over longs, which every JDK vectorises, as none does that turns bytes into floats.
 */
final class BlockReader {
    private static final int BLOCK = BlockType.ELEMENTS;
    private static final long LOWER = 0x0f0f_0f0f_0f0f_0f0fL;
    /** Blocks that are decoded in Java at once. */
    private static final int SOME = TILE / BLOCK;

    private final Worker w;
    private final Bytes bytes = new Bytes();
    private final Shorts shorts = new Shorts();
    private final Longs longs = new Longs();
    private final byte[] scales = new byte[4 * SOME];
    private final byte[] integers = new byte[BLOCK * SOME];
    private final ByteBuffer block = ByteBuffer.allocate(4 + BLOCK).order(ByteOrder.LITTLE_ENDIAN);

    private short[] halves = {};
    private float[] factors = {};
    private long[] packed = {};
    private long[] lower = {};

    BlockReader(Worker w) {
        this.w = w;
    }

    /** See {@link org.attune.tensor.engine.TensorEngine#writeBlocks}. */
    void write(ByteBuffer from, BlockStorage out) {
        int scaleBytes = BlockStorage.scaleBytes(out.type());
        int integerBytes = BlockStorage.integerBytes(out.type());
        int size = out.type().bytes();
        int blocks = from.remaining() / size;
        for (int done = 0; done < blocks; done += SOME) {
            int n = Math.min(SOME, blocks - done);
            for (int i = 0; i < n; i++) {
                from.get(scales, i * scaleBytes, scaleBytes);
                from.get(integers, i * integerBytes, integerBytes);
            }
            bytes.at(out.scales(done)).put(scales, 0, n * scaleBytes);
            bytes.at(out.integers(done)).put(integers, 0, n * integerBytes);
        }
    }

    /** {@code n} numbers from the {@code first} on, exactly as ggml decodes them. */
    void read(BlockStorage x, long first, float[] out, int at, int n) {
        float[] tile = w.row(3, TILE);
        for (int done = 0; done < n; ) {
            long from = x.skipped() + first + done;
            int skipped = (int) (from % BLOCK);
            int blocks = Math.min(SOME, (skipped + n - done + BLOCK - 1) / BLOCK);
            decode(x, from / BLOCK, blocks, tile);
            int decoded = Math.min(n - done, blocks * BLOCK - skipped);
            System.arraycopy(tile, skipped, out, at + done, decoded);
            done += decoded;
        }
    }

    private void decode(BlockStorage x, long first, int blocks, float[] out) {
        int scaleBytes = BlockStorage.scaleBytes(x.type());
        int integerBytes = BlockStorage.integerBytes(x.type());
        bytes.at(x.scales(first)).get(scales, 0, blocks * scaleBytes);
        bytes.at(x.integers(first)).get(integers, 0, blocks * integerBytes);
        for (int i = 0; i < blocks; i++) {
            System.arraycopy(scales, i * scaleBytes, block.array(), 0, scaleBytes);
            System.arraycopy(integers, i * integerBytes, block.array(), scaleBytes, integerBytes);
            x.type().decode(block, 0, out, i * BLOCK);
        }
    }

    /** {@code out = x}, of any type. */
    void copy(BlockStorage x, Storage out) {
        float[] tile = w.tile(0);
        for (long i = 0; i < x.size(); i += TILE) {
            int n = (int) Math.min(TILE, x.size() - i);
            read(x, i, tile, 0, n);
            w.store(tile, n, out, i);
        }
    }

    /** {@code out[i] = table[rows[i]]}. */
    void gather(BlockStorage table, int columns, int[] rows, Storage out) {
        float[] row = w.row(0, columns);
        for (int i = 0; i < rows.length; i++) {
            read(table, (long) columns * rows[i], row, 0, columns);
            w.store(row, columns, out, (long) columns * i);
        }
    }

    /** {@link Storage#size} floats at {@code out}. */
    void decode(BlockStorage x, long out) {
        float[] tile = w.tile(0);
        for (long i = 0; i < x.size(); i += TILE) {
            int n = (int) Math.min(TILE, x.size() - i);
            read(x, i, tile, 0, n);
            w.store(tile, n, out + Float.BYTES * i);
        }
    }

    /**
     * Decodes {@code n} blocks from the {@code first} on, but for their minima.
     *
     * @return where the floats lie until the next call
     */
    long tile(BlockStorage x, long first, int n) {
        long out = w.scratch(Scratch.TILE, (long) BLOCK * n);
        int each = BlockStorage.scaleBytes(x.type()) / Short.BYTES;
        if (halves.length < each * n) {
            halves = new short[each * n];
            factors = new float[n];
        }
        shorts.at(x.scales(first)).get(halves, 0, each * n);
        long factor = factors(0, each, n, Scratch.SCALES);
        switch (x.type()) {
            case Q8_0 -> w.kernel(KernelKey.rows(RowOperation.DECODE, BLOCK)).run(n, x.integers(first), factor, out);
            case Q4_1 -> {
                long integers = unpack(x.integers(first), 2 * n);
                Kernel kernel = w.kernel(KernelKey.rows(RowOperation.DECODE, BLOCK / 2));
                kernel.run(n, integers, factor, out);
                kernel.run(n, integers + (long) BLOCK / 2 * n, factor, out + (long) Float.BYTES * BLOCK / 2);
            }
        }
        return out;
    }

    /** Whether what was decoded last is to be added to: the minima [n] lie at {@link #minima}. */
    static boolean hasMinima(BlockStorage x) {
        return x.type() == BlockType.Q4_1;
    }

    /** Minima of the blocks that {@link #tile} has decoded last. */
    long minima(int n) {
        return factors(1, 2, n, Scratch.MINIMA);
    }

    private long factors(int from, int step, int n, Scratch area) {
        for (int i = 0; i < n; i++) {
            factors[i] = HalfFloats.fromFloat16(halves[from + step * i]);
        }
        long to = w.scratch(area, n);
        w.store(factors, n, to);
        return to;
    }

    /** The lower four bits of each byte, then the upper ones of each. */
    private long unpack(long from, int n) {
        if (packed.length < n) {
            packed = new long[n];
            lower = new long[n];
        }
        long to = w.scratch(Scratch.INTEGERS, 4L * n);
        longs.at(from).get(packed, 0, n);
        split(packed, lower, n);
        longs.at(to).put(lower, 0, n);
        longs.at(to + (long) Long.BYTES * n).put(packed, 0, n);
        return to;
    }

    /** A method of its own, because the compiler vectorises small loops only. */
    private static void split(long[] packed, long[] lower, int n) {
        for (int i = 0; i < n; i++) {
            long both = packed[i];
            lower[i] = both & LOWER;
            packed[i] = both >>> 4 & LOWER;
        }
    }

    private static final class Bytes extends BytePointer {
        Bytes() {
            super((Pointer) null);
        }

        Bytes at(long newAddress) {
            this.address = newAddress;
            return this;
        }
    }

    private static final class Longs extends LongPointer {
        Longs() {
            super((Pointer) null);
        }

        Longs at(long newAddress) {
            this.address = newAddress;
            return this;
        }
    }
}
