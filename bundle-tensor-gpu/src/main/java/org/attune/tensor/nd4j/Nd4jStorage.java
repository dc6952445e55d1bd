package org.attune.tensor.nd4j;

import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A run of elements in one of ND4J's buffers. */
final class Nd4jStorage implements Storage {
    /** What a storage shares with its slices. */
    private static final class Handle {
        /** Null once closed. */
        private volatile DataBuffer buffer;

        private final Releaser releaser;

        Handle(DataBuffer buffer, Releaser releaser) {
            this.buffer = buffer;
            this.releaser = releaser;
        }
    }

    /** Takes back the memory of a storage that closes. */
    interface Releaser {
        void release(DataBuffer buffer);
    }

    private final Handle handle;
    private final DType dtype;
    private final long offset;
    private final long size;
    private final boolean slice;
    /** What ND4J sees of a slice that does not begin where the buffer does. Made when first used. */
    private DataBuffer view;

    private Nd4jStorage(Handle handle, DType dtype, long offset, long size, boolean slice) {
        this.handle = handle;
        this.dtype = dtype;
        this.offset = offset;
        this.size = size;
        this.slice = slice;
    }

    /** The first {@code size} elements of a buffer. */
    static Nd4jStorage of(DataBuffer buffer, long size, DType dtype, Releaser releaser) {
        return new Nd4jStorage(new Handle(buffer, releaser), dtype, 0, size, false);
    }

    /**
     * The elements as an array, which stays valid until the storage is closed.
     *
     * @param shape of which the storage has at least as many elements, but not 0
     * @throws IllegalStateException after closing
     */
    INDArray array(long... shape) {
        return Views.rowMajor(buffer(), shape);
    }

    /** @throws IllegalStateException after closing */
    void checkOpen() {
        whole();
    }

    private DataBuffer whole() {
        DataBuffer whole = handle.buffer;
        if (whole == null) {
            throw new IllegalStateException("this tensor's memory was freed: it was closed, its scope has ended, or"
                    + " backward has freed the intermediate results");
        }
        return whole;
    }

    private synchronized DataBuffer buffer() {
        DataBuffer whole = whole();
        if (offset == 0) {
            return whole;
        }
        if (view == null) {
            view = Nd4j.createBuffer(whole, offset, size);
        }
        return view;
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
    public Storage slice(long from, long length) {
        if (from < 0 || length < 0 || from + length > size) {
            throw new IllegalArgumentException(
                    "slice of " + length + " elements from " + from + " of a storage of " + size);
        }
        checkOpen();
        return new Nd4jStorage(handle, dtype, offset + from, length, true);
    }

    @Override
    public void close() {
        DataBuffer buffer = handle.buffer;
        if (slice || buffer == null) {
            return;
        }
        handle.buffer = null;
        handle.releaser.release(buffer);
    }
}
