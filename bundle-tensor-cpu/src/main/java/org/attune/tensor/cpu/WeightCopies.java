package org.attune.tensor.cpu;

import java.util.EnumMap;
import java.util.Map;
import org.attune.tensor.DType;

/** A matrix in the layouts that products are quickest with, made on demand. Thread-safe, as all workers share them. */
final class WeightCopies {
    private final NativeMemory memory;
    private final Map<Layout, NativeMemory.Slab> copies = new EnumMap<>(Layout.class);
    /** Lets those who change elements at every step pass without a lock. */
    private volatile boolean empty = true;

    enum Layout {
        /** Float32, [columns, rows]. */
        TRANSPOSED,
        /** The same order in bfloat16. */
        BFLOAT16
    }

    WeightCopies(NativeMemory memory) {
        this.memory = memory;
    }

    /** The address of the copy of {@code storage} [rows, columns]. */
    synchronized long get(Worker w, CpuStorage storage, Layout layout, int rows, int columns) {
        NativeMemory.Slab copy = copies.get(layout);
        if (copy == null) {
            copy = make(w, storage, layout, rows, columns);
            memory.opened(copy.bytes());
            copies.put(layout, copy);
            empty = false;
        }
        return copy.address();
    }

    private static NativeMemory.Slab make(Worker w, CpuStorage storage, Layout layout, int rows, int columns) {
        long from = CpuStorage.address(storage);
        if (layout == Layout.TRANSPOSED) {
            NativeMemory.Slab copy = NativeMemory.allocate(Float.BYTES * storage.size());
            Copies.permute(w, from, new int[] {rows, columns}, new int[] {1, 0}, copy.address());
            return copy;
        }
        NativeMemory.Slab copy = NativeMemory.allocate(DType.BFLOAT16.bytes() * storage.size());
        w.convert(from, DType.FLOAT32, copy.address(), DType.BFLOAT16, storage.size());
        return copy;
    }

    /** Frees all copies; nobody may be reading them. */
    void drop() {
        if (empty) {
            return;
        }
        synchronized (this) {
            for (NativeMemory.Slab copy : copies.values()) {
                memory.closed(copy.bytes());
                copy.free();
            }
            copies.clear();
            empty = true;
        }
    }
}
