package org.attune.tensor.cpu;

/** The scratch memory of all primitives of one {@link Worker}, which run one after another. */
final class Scratchpad implements AutoCloseable {
    private NativeMemory.Slab slab;

    /** The address of at least so many bytes; it may move when more are asked for. */
    long address(long bytes) {
        if (slab == null || slab.bytes() < bytes) {
            close();
            slab = NativeMemory.allocate(bytes + bytes / 2);
        }
        return slab.address();
    }

    @Override
    public void close() {
        if (slab != null) {
            slab.free();
            slab = null;
        }
    }
}
