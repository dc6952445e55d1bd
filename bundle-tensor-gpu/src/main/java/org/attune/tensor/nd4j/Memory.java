package org.attune.tensor.nd4j;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.attune.natives.nd4j.Backend;
import org.attune.natives.nd4j.UnusableBackendException;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Arena;
import org.attune.tensor.engine.EngineStats;
import org.attune.tensor.engine.Storage;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/**
 * ND4J's buffers, and the account of them. Buffers of arenas and of running kernels are kept by type and size class for the
 * next one; every buffer is freed by hand, never by ND4J's collector. Thread-safe.
 */
final class Memory {
    private static final int SMALLEST = 16;

    private record SizeClass(DataType type, long capacity) {}

    private final Map<SizeClass, Deque<DataBuffer>> free = new HashMap<>();
    private long live;
    private long peak;
    private long pooled;
    private boolean closed;

    /** @throws UserError if ND4J does not run on this machine */
    Storage allocatePersistent(long size, DType dtype) {
        DataBuffer buffer = create(ElementTypes.of(dtype), Math.max(1, checked(size)));
        Views.rowMajor(buffer, buffer.length()).assign(0);
        Nd4j.getExecutioner().commit();
        synchronized (this) {
            opened(buffer);
        }
        return Nd4jStorage.of(buffer, size, dtype, this::closePersistent);
    }

    /** Memory of the engine's own, which counts as pooled. */
    Storage allocateOwn(long size, DType dtype) {
        DataBuffer buffer = create(ElementTypes.of(dtype), size);
        synchronized (this) {
            pooled += bytes(buffer);
        }
        return Nd4jStorage.of(buffer, size, dtype, b -> {
            synchronized (this) {
                pooled -= bytes(b);
            }
            b.close();
        });
    }

    Arena openArena() {
        return new BufferArena();
    }

    synchronized EngineStats stats(long kernelCalls) {
        return new EngineStats(live, peak, pooled, kernelCalls);
    }

    /** Frees the pool; what is still open is freed when it is closed. */
    synchronized void close() {
        closed = true;
        for (Deque<DataBuffer> buffers : free.values()) {
            for (DataBuffer buffer : buffers) {
                pooled -= bytes(buffer);
                buffer.close();
            }
        }
        free.clear();
    }

    /** A buffer of at least that many elements with unspecified content, to be given back. */
    DataBuffer take(DataType type, long size) {
        SizeClass wanted = new SizeClass(type, sizeClass(size));
        synchronized (this) {
            Deque<DataBuffer> buffers = free.get(wanted);
            DataBuffer buffer = buffers == null ? null : buffers.poll();
            if (buffer != null) {
                pooled -= bytes(buffer);
                opened(buffer);
                return buffer;
            }
        }
        DataBuffer buffer = create(type, wanted.capacity);
        synchronized (this) {
            opened(buffer);
        }
        return buffer;
    }

    synchronized void give(DataBuffer buffer) {
        live -= bytes(buffer);
        if (closed) {
            buffer.close();
            return;
        }
        pooled += bytes(buffer);
        free.computeIfAbsent(new SizeClass(buffer.dataType(), buffer.length()), c -> new ArrayDeque<>())
                .push(buffer);
    }

    private static DataBuffer create(DataType type, long size) {
        try {
            Backend.load();
        } catch (UnusableBackendException e) {
            throw new UserError(
                    "engine 'nd4j' does not run on this machine: " + e.getMessage()
                            + "; choose another engine (docs/GPU.md)",
                    e);
        }
        Call.useFirstDevice();
        return Nd4j.createBuffer(type, size, false);
    }

    private void closePersistent(DataBuffer buffer) {
        synchronized (this) {
            live -= bytes(buffer);
        }
        buffer.close();
    }

    private void opened(DataBuffer buffer) {
        live += bytes(buffer);
        peak = Math.max(peak, live);
    }

    private static long bytes(DataBuffer buffer) {
        return buffer.length() * buffer.getElementSize();
    }

    /** Rounds up to four classes per power of two: at most a quarter of a block is wasted, and ragged sizes meet. */
    private static long sizeClass(long size) {
        long step = Math.max(SMALLEST, Long.highestOneBit(size) / 4);
        return Math.max(step, (size + step - 1) / step * step);
    }

    private static long checked(long size) {
        if (size < 0) {
            throw new IllegalArgumentException("a storage cannot have " + size + " elements");
        }
        return size;
    }

    private final class BufferArena implements Arena {
        private final List<Nd4jStorage> storages = new ArrayList<>();
        private boolean ended;

        @Override
        public Storage allocate(long size, DType dtype) {
            if (ended) {
                throw new IllegalStateException("the arena is closed");
            }
            DataBuffer buffer = take(ElementTypes.of(dtype), checked(size));
            Nd4jStorage storage = Nd4jStorage.of(buffer, size, dtype, Memory.this::give);
            storages.add(storage);
            return storage;
        }

        @Override
        public void close() {
            ended = true;
            storages.forEach(Nd4jStorage::close);
            storages.clear();
        }
    }
}
