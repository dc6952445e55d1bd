package org.attune.tensor.cpu;

import java.util.HashMap;
import java.util.Map;
import org.attune.tensor.DType;

/** A matrix in the layouts that products are quickest with, made on demand. Thread-safe, as all workers share them. */
final class WeightCopies {
    private final NativeMemory memory;
    private final Map<Key, NativeMemory.Slab> copies = new HashMap<>();
    /** Lets those who change elements at every step pass without a lock. */
    private volatile boolean empty = true;

    /** @param address of the part of the matrix that was copied, of so many rows */
    private record Key(Layout layout, long address, int rows) {}

    enum Layout {
        /** Float32, [columns, rows]. */
        TRANSPOSED,
        /** The same order in bfloat16. */
        BFLOAT16,
        /**
         * In blocks of 64 rows: products with few rows, which only read the weight, then run at the speed of memory. Of the matrix's
         * own type; made of parts too, as threads share such products out.
         */
        PACKED
    }

    WeightCopies(NativeMemory memory) {
        this.memory = memory;
    }

    /** The address of the copy of {@code storage} [rows, columns]. */
    synchronized long get(Worker w, CpuStorage storage, Layout layout, int rows, int columns) {
        Key key = new Key(layout, CpuStorage.address(storage), rows);
        NativeMemory.Slab copy = copies.get(key);
        if (copy == null) {
            copy = make(w, storage, layout, rows, columns);
            memory.opened(copy.bytes());
            copies.put(key, copy);
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
        if (layout == Layout.PACKED) {
            return w.packed(storage.dtype(), from, columns, rows);
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
