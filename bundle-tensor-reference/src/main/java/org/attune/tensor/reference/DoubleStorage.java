package org.attune.tensor.reference;

import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.io.BlockType;

/** A run of doubles: a whole block, or a slice of one. Other types are doubles that were rounded to them. */
final class DoubleStorage implements Storage {
    /** What a block and all its slices share: closing empties it, so that a late use is noticed. */
    private static final class Handle {
        private double[] data;
        private Releaser releaser;
        private BlockType blocks;
    }

    /** Takes back the memory of a storage that closes. */
    interface Releaser {
        void release(double[] data);
    }

    private final Handle handle;
    private final DType dtype;
    private final int offset;
    private final int size;
    private final boolean slice;

    private DoubleStorage(Handle handle, DType dtype, int offset, int size, boolean slice) {
        this.handle = handle;
        this.dtype = dtype;
        this.offset = offset;
        this.size = size;
        this.slice = slice;
    }

    /** The first {@code size} elements of {@code data}. */
    static DoubleStorage of(double[] data, int size, DType dtype, Releaser releaser) {
        Handle handle = new Handle();
        handle.data = data;
        handle.releaser = releaser;
        return new DoubleStorage(handle, dtype, 0, size, false);
    }

    /** All of {@code data}, which comes in blocks. */
    static DoubleStorage inBlocks(double[] data, BlockType type, DType dtype, Releaser releaser) {
        DoubleStorage storage = of(data, data.length, dtype, releaser);
        storage.handle.blocks = type;
        return storage;
    }

    /** The type of the blocks that the numbers come in. */
    BlockType blocks() {
        return handle.blocks;
    }

    /** @throws IllegalStateException after closing */
    double[] data() {
        double[] data = handle.data;
        if (data == null) {
            throw new IllegalStateException("this tensor's memory was freed: it was closed, its scope has ended, or"
                    + " backward has freed the intermediate results");
        }
        return data;
    }

    /** Where the first element is in {@link #data}. */
    int offset() {
        return offset;
    }

    int length() {
        return size;
    }

    @Override
    public DType dtype() {
        return dtype;
    }

    /** Rounds the elements to the storage's type. */
    void round() {
        if (dtype == DType.FLOAT64) {
            return;
        }
        double[] data = data();
        for (int i = offset; i < offset + size; i++) {
            data[i] = Rounding.round(data[i], dtype);
        }
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public Storage slice(long from, long length) {
        if (from < 0 || length < 0 || from + length > size) {
            throw new IllegalArgumentException(
                    "slice of " + length + " elements from " + from + " of a storage of " + size);
        }
        data();
        return new DoubleStorage(handle, dtype, offset + (int) from, (int) length, true);
    }

    @Override
    public void close() {
        if (slice || handle.data == null) {
            return;
        }
        double[] data = handle.data;
        handle.data = null;
        handle.releaser.release(data);
    }
}
