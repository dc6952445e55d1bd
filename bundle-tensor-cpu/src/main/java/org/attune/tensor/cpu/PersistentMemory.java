package org.attune.tensor.cpu;

import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;

/** Memory that lives until it is closed, from whatever thread. */
final class PersistentMemory implements CpuStorage.Allocation {
    private final NativeMemory memory;
    private final NativeMemory.Slab slab;
    private final WeightCopies copies;
    private volatile boolean open = true;

    private PersistentMemory(NativeMemory memory, NativeMemory.Slab slab) {
        this.memory = memory;
        this.slab = slab;
        this.copies = new WeightCopies(memory);
    }

    static Storage zeroed(NativeMemory memory, long size, DType dtype) {
        NativeMemory.Slab slab = NativeMemory.allocateZeroed(dtype.bytes() * size);
        memory.opened(slab.bytes());
        return new CpuStorage(new PersistentMemory(memory, slab), slab.address(), size, dtype);
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    @Override
    public void changes() {
        copies.drop();
    }

    @Override
    public WeightCopies copies() {
        return copies;
    }

    @Override
    public synchronized void close() {
        if (open) {
            open = false;
            copies.drop();
            memory.closed(slab.bytes());
            slab.free();
        }
    }
}
