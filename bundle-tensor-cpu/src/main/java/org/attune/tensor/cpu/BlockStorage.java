package org.attune.tensor.cpu;

import java.util.Objects;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.io.BlockType;

/**
 * Numbers in blocks, or a part of them. Their headers lie in front, all integers behind them, so that these are dense; both are
 * the bytes that were written. Filled once, then only read.
 */
final class BlockStorage implements Storage {
    private final Memory memory;
    private final boolean whole;
    private final long offset;
    private final long size;
    private final DType dtype;

    private static final class Memory {
        private final NativeMemory account;
        private final NativeMemory.Slab slab;
        private final BlockType type;
        private final long integers;
        private volatile boolean open = true;

        Memory(NativeMemory account, BlockType type, long size) {
            long scales = NativeMemory.align(type.blocks(size) * type.headerBytes());
            this.account = account;
            this.slab = NativeMemory.allocateZeroed(scales + groups(type, size) * groupBytes(type));
            this.type = type;
            this.integers = slab.address() + scales;
            account.opened(slab.bytes());
        }

        synchronized void close() {
            if (open) {
                open = false;
                account.closed(slab.bytes());
                slab.free();
            }
        }
    }

    private BlockStorage(Memory memory, boolean whole, long offset, long size, DType dtype) {
        this.memory = memory;
        this.whole = whole;
        this.offset = offset;
        this.size = size;
        this.dtype = dtype;
    }

    static BlockStorage allocate(NativeMemory account, BlockType type, long size, DType dtype) {
        return new BlockStorage(new Memory(account, type, size), true, 0, size, dtype);
    }

    /** Groups that so many numbers take: of a block that is short only these are held. */
    private static long groups(BlockType type, long size) {
        return (size + type.group() - 1) / type.group();
    }

    /** Bytes of the integers that share a scale. */
    static int groupBytes(BlockType type) {
        return type.integerBytes(type.group());
    }

    BlockType type() {
        return memory.type;
    }

    /** Elements of the first group that are not part of this. */
    int skipped() {
        return (int) (offset % type().group());
    }

    /** Groups that this is in. */
    long groups() {
        return groups(type(), skipped() + size);
    }

    /** Where the header of the block lies that has the {@code i}th group. */
    long header(long i) {
        check();
        return memory.slab.address() + (offset / type().group() + i) / groupsInBlock() * type().headerBytes();
    }

    /** The place of the {@code i}th group in its block. */
    int inBlock(long i) {
        return (int) ((offset / type().group() + i) % groupsInBlock());
    }

    int groupsInBlock() {
        return type().elements() / type().group();
    }

    /** Where the integers of the {@code i}th group lie. */
    long integers(long i) {
        check();
        return memory.integers + (offset / type().group() + i) * groupBytes(type());
    }

    private void check() {
        if (!memory.open) {
            throw new IllegalStateException("a tensor of " + size + " elements is used after it was closed");
        }
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public DType dtype() {
        return dtype;
    }

    @Override
    public long bytes() {
        return type().blocks(size) * type().headerBytes() + groups() * groupBytes(type());
    }

    @Override
    public Storage slice(long from, long count) {
        Objects.checkFromIndexSize(from, count, size);
        return new BlockStorage(memory, false, offset + from, count, dtype);
    }

    @Override
    public void close() {
        if (whole) {
            memory.close();
        }
    }
}
