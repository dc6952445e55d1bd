package org.attune.tensor.cpu;

import java.util.Objects;
import org.attune.tensor.engine.Storage;

/** Float memory at a fixed address, or a part of it. */
final class CpuStorage implements Storage {
    private final Allocation allocation;
    private final boolean whole;
    private final long address;
    private final long size;

    /** The whole of an allocation. */
    CpuStorage(Allocation allocation, long address, long size) {
        this(allocation, true, address, size);
    }

    private CpuStorage(Allocation allocation, boolean whole, long address, long size) {
        this.allocation = allocation;
        this.whole = whole;
        this.address = address;
        this.size = size;
    }

    /**
     * Where the first element lies.
     *
     * @throws IllegalStateException if the memory was given back
     */
    static long address(Storage storage) {
        CpuStorage s = (CpuStorage) storage;
        if (!s.allocation.isOpen()) {
            throw new IllegalStateException("a tensor of " + s.size + " elements is used after it was closed");
        }
        return s.address;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public Storage slice(long offset, long count) {
        Objects.checkFromIndexSize(offset, count, size);
        return new CpuStorage(allocation, false, address + Float.BYTES * offset, count);
    }

    @Override
    public void close() {
        if (whole) {
            allocation.close();
        }
    }

    /** What a storage and its slices share. */
    interface Allocation {
        boolean isOpen();

        void close();
    }
}
