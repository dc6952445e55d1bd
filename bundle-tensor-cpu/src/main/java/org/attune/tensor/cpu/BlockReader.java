package org.attune.tensor.cpu;

import static org.attune.tensor.cpu.Worker.TILE;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.attune.tensor.cpu.KernelKey.RowOperation;
import org.attune.tensor.cpu.KernelKey.Variant;
import org.attune.tensor.cpu.Worker.Scratch;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.io.BlockType;
import org.attune.tensor.io.HalfFloats;
import org.attune.tensor.io.NormalFloat;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Moves blocks to and from a {@link BlockStorage}. Products decode with oneDNN's conversion of bytes, which multiplies by a scale a
 * group; packed bytes are unpacked before by a loop over longs, which every JDK vectorises, as none does that turns bytes into floats.
 * Codes of NF4 are looked up two at a time.
 */
final class BlockReader {
    private static final long LOWER = 0x0f0f_0f0f_0f0f_0f0fL;
    /** Bytes of NF4 that are looked up at once. */
    private static final int CODES = 4096;
    /** By byte, the two floats of its codes, the upper one's first in memory. */
    private static final long[] PAIRS = pairs();

    private final Worker w;
    private final Bytes bytes = new Bytes();
    private final Shorts shorts = new Shorts();
    private final Longs longs = new Longs();
    private final Floats floats = new Floats();
    private final byte[] headers = new byte[TILE];
    private final byte[] integers = new byte[TILE];
    private final byte[] block = new byte[BlockType.NF4_DOUBLE.headerBytes()]; // longer than other blocks
    private final ByteBuffer in = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN);
    private final byte[] codes = new byte[CODES];
    private final long[] values = new long[CODES];

    private short[] halves = {};
    private float[] factors = {};
    private long[] packed = {};
    private long[] lower = {};

    BlockReader(Worker w) {
        this.w = w;
    }

    /** See {@link org.attune.tensor.engine.TensorEngine#writeBlocks}. */
    void write(ByteBuffer from, BlockStorage out) {
        BlockType type = out.type();
        int header = type.headerBytes();
        int each = type.integerBytes(type.elements());
        int some = Math.max(1, TILE / type.elements());
        byte[] headers = new byte[some * header];
        byte[] integers = new byte[some * each];
        int blocks = from.remaining() / type.bytes();
        for (int done = 0; done < blocks; done += some) {
            int n = Math.min(some, blocks - done);
            for (int i = 0; i < n; i++) {
                from.get(headers, i * header, header);
                from.get(integers, i * each, each);
            }
            long first = (long) done * out.groupsInBlock();
            long held = (out.groups() - first) * BlockStorage.groupBytes(type);
            bytes.at(out.header(first)).put(headers, 0, n * header);
            bytes.at(out.integers(first)).put(integers, 0, (int) Math.min((long) n * each, held));
        }
    }

    /** {@code n} numbers from the {@code first} on, exactly as {@link BlockType#decode} gives them. */
    void read(BlockStorage x, long first, float[] out, int at, int n) {
        float[] tile = w.row(3, TILE);
        int group = x.type().group();
        for (int done = 0; done < n; ) {
            long from = x.skipped() + first + done;
            int skipped = (int) (from % group);
            int groups = Math.min(TILE / group, (skipped + n - done + group - 1) / group);
            decode(x, from / group, groups, tile);
            int decoded = Math.min(n - done, groups * group - skipped);
            System.arraycopy(tile, skipped, out, at + done, decoded);
            done += decoded;
        }
    }

    private void decode(BlockStorage x, long first, int groups, float[] out) {
        boolean twice = x.type() == BlockType.NF4_DOUBLE;
        BlockType type = twice ? BlockType.NF4 : x.type();
        if (twice) {
            absmaxes(x, first, groups);
        }
        int header = type.headerBytes();
        int each = BlockStorage.groupBytes(type);
        bytes.at(x.integers(first)).get(integers, 0, groups * each);
        if (!twice) {
            bytes.at(x.header(first)).get(headers, 0, groups * header);
        }
        for (int i = 0; i < groups; i++) {
            if (twice) {
                in.putFloat(0, factors[i]);
            } else {
                System.arraycopy(headers, i * header, block, 0, header);
            }
            System.arraycopy(integers, i * each, block, header, each);
            type.decode(in, 0, out, i * type.elements());
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
     * Decodes {@code n} groups from the {@code first} on, but for their minima.
     *
     * @return where the floats lie until the next call
     */
    long tile(BlockStorage x, long first, int n) {
        int group = x.type().group();
        long out = w.scratch(Scratch.TILE, (long) group * n);
        long factor = factors(x, first, n);
        switch (x.type()) {
            case Q8_0, INT8 ->
                w.kernel(KernelKey.rows(RowOperation.DECODE, group)).run(n, x.integers(first), factor, out);
            case Q4_1 -> {
                long integers = unpack(x.integers(first), 2 * n);
                Kernel kernel = w.kernel(KernelKey.rows(RowOperation.DECODE, group / 2));
                kernel.run(n, integers, factor, out);
                kernel.run(n, integers + (long) group / 2 * n, factor, out + (long) Float.BYTES * group / 2);
            }
            case NF4, NF4_DOUBLE -> {
                lookUp(x.integers(first), (long) BlockStorage.groupBytes(x.type()) * n, out);
                w.kernel(KernelKey.rows(Binary.MUL, Variant.BY_COLUMN, group)).run(n, out, factor, out);
            }
        }
        return out;
    }

    /** What {@code n} groups are scaled by. */
    private long factors(BlockStorage x, long first, int n) {
        switch (x.type()) {
            case Q8_0, Q4_1 -> {
                int each = x.type().headerBytes() / Short.BYTES;
                reserve(n);
                if (halves.length < each * n) {
                    halves = new short[each * n];
                }
                shorts.at(x.header(first)).get(halves, 0, each * n);
                return factors(0, each, n, Scratch.SCALES);
            }
            case NF4 -> {
                return x.header(first);
            }
            case INT8 -> {
                reserve(n);
                floats.at(x.header(first)).get(factors, 0, n);
                for (int i = 0; i < n; i++) {
                    factors[i] *= BlockType.INT8_STEP;
                }
            }
            case NF4_DOUBLE -> absmaxes(x, first, n);
        }
        long to = w.scratch(Scratch.SCALES, n);
        w.store(factors, n, to);
        return to;
    }

    private void reserve(int n) {
        if (factors.length < n) {
            factors = new float[n];
        }
    }

    /** With double quantisation, those of {@code n} groups. */
    private void absmaxes(BlockStorage x, long first, int n) {
        reserve(n);
        int header = x.type().headerBytes();
        for (int done = 0; done < n; ) {
            int from = x.inBlock(first + done);
            int some = Math.min(n - done, x.groupsInBlock() - from);
            bytes.at(x.header(first + done)).get(block, 0, header);
            float mean = in.getFloat(0);
            float scale = in.getFloat(Float.BYTES);
            for (int i = 0; i < some; i++) {
                factors[done + i] = NormalFloat.absmax(block[2 * Float.BYTES + from + i], scale, mean);
            }
            done += some;
        }
    }

    /** The floats of {@code n} bytes of two codes. */
    private void lookUp(long from, long n, long out) {
        for (long done = 0; done < n; done += CODES) {
            int some = (int) Math.min(CODES, n - done);
            bytes.at(from + done).get(codes, 0, some);
            lookUp(codes, values, some);
            longs.at(out + Long.BYTES * done).put(values, 0, some);
        }
    }

    private static void lookUp(byte[] codes, long[] values, int n) {
        for (int i = 0; i < n; i++) {
            values[i] = PAIRS[codes[i] & 0xff];
        }
    }

    private static long[] pairs() {
        long[] pairs = new long[256];
        ByteBuffer pair = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.nativeOrder());
        for (int i = 0; i < pairs.length; i++) {
            pairs[i] = pair.putFloat(0, NormalFloat.value(i >> 4))
                    .putFloat(Float.BYTES, NormalFloat.value(i & 15))
                    .getLong(0);
        }
        return pairs;
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

    private static final class Floats extends FloatPointer {
        Floats() {
            super((Pointer) null);
        }

        Floats at(long newAddress) {
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
