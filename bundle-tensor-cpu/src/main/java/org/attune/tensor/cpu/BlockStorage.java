package org.attune.tensor.cpu;

import java.util.Objects;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.io.BlockType;

/**
 * Numbers in blocks, or a part of them. What blocks are scaled by lies in front, all integers behind it, so that these are dense; both
 * are the bytes of the file. Filled once, then only read.
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

        Memory(NativeMemory account, BlockType type, long blocks) {
            long scales = NativeMemory.align(blocks * scaleBytes(type));
            this.account = account;
            this.slab = NativeMemory.allocateZeroed(scales + blocks * integerBytes(type));
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
        if (size % BlockType.ELEMENTS != 0) {
            throw new IllegalArgumentException(size + " numbers are no whole blocks of " + BlockType.ELEMENTS);
        }
        return new BlockStorage(new Memory(account, type, size / BlockType.ELEMENTS), true, 0, size, dtype);
    }

    /** Of a block, those that its integers are scaled by. */
    static int scaleBytes(BlockType type) {
        return type.bytes() - integerBytes(type);
    }

    static int integerBytes(BlockType type) {
        return switch (type) {
            case Q8_0 -> BlockType.ELEMENTS;
            case Q4_1 -> BlockType.ELEMENTS / 2;
        };
    }

    BlockType type() {
        return memory.type;
    }

    /** Elements of the first block that are not part of this. */
    int skipped() {
        return (int) (offset % BlockType.ELEMENTS);
    }

    /** Where that lies which the {@code i}th block is scaled by. */
    long scales(long i) {
        check();
        return memory.slab.address() + (offset / BlockType.ELEMENTS + i) * scaleBytes(memory.type);
    }

    /** Where the integers of the {@code i}th block lie. */
    long integers(long i) {
        check();
        return memory.integers + (offset / BlockType.ELEMENTS + i) * integerBytes(memory.type);
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
        return (size + BlockType.ELEMENTS - 1) / BlockType.ELEMENTS * memory.type.bytes();
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
