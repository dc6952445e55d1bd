package org.attune.tensor.cpu;

import java.util.Objects;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;

/** Memory of elements at a fixed address, or a part of it. */
final class CpuStorage implements Storage {
    private final Allocation allocation;
    private final boolean whole;
    private final long address;
    private final long size;
    private final DType dtype;

    /** The whole of an allocation. */
    CpuStorage(Allocation allocation, long address, long size, DType dtype) {
        this(allocation, true, address, size, dtype);
    }

    private CpuStorage(Allocation allocation, boolean whole, long address, long size, DType dtype) {
        this.allocation = allocation;
        this.whole = whole;
        this.address = address;
        this.size = size;
        this.dtype = dtype;
    }

    /**
     * Where the first element lies.
     *
     * @throws IllegalStateException if the memory was given back
     */
    static long address(Storage storage) {
        if (storage instanceof BlockStorage) {
            throw new IllegalArgumentException(
                    "a matrix in blocks is no operand here, as it can only be read, by some kernels");
        }
        CpuStorage s = (CpuStorage) storage;
        if (!s.allocation.isOpen()) {
            throw new IllegalStateException("a tensor of " + s.size + " elements is used after it was closed");
        }
        return s.address;
    }

    /** {@link #address} of what is about to be changed. */
    static long target(Storage storage) {
        long address = address(storage);
        ((CpuStorage) storage).allocation.changes();
        return address;
    }

    /**
     * The same elements in another layout, made when first asked for and kept until they change; 0 for memory of a step, where
     * that would not pay.
     */
    static long copy(Storage storage, Worker w, WeightCopies.Layout layout, int rows, int columns) {
        CpuStorage s = (CpuStorage) storage;
        WeightCopies copies = s.whole || layout == WeightCopies.Layout.PACKED ? s.allocation.copies() : null;
        return copies == null ? 0 : copies.get(w, s, layout, rows, columns);
    }

    @Override
    public DType dtype() {
        return dtype;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public Storage slice(long offset, long count) {
        Objects.checkFromIndexSize(offset, count, size);
        return new CpuStorage(allocation, false, address + dtype.bytes() * offset, count, dtype);
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

        /** Told before elements change. */
        void changes();

        /** Copies of a matrix that many steps read; null where the memory is of one step. */
        WeightCopies copies();
    }
}
