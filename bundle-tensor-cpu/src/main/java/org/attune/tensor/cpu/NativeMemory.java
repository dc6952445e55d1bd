package org.attune.tensor.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.attune.tensor.engine.EngineStats;
import org.bytedeco.javacpp.Pointer;

/** The engine's memory outside the Java heap: who holds how much, and the slabs that wait for the next arena. Thread-safe. */
final class NativeMemory {
    /** Of a cache line and of an AVX-512 register. */
    static final long ALIGNMENT = 64;

    /** Pages that are never touched cost nothing, so a slab may be larger than most steps need. */
    private static final long SLAB_BYTES = 32L << 20;

    private final AtomicLong live = new AtomicLong();
    private final AtomicLong peak = new AtomicLong();
    private final List<Slab> pool = new ArrayList<>();
    private long pooled;
    private boolean closed;

    /** Aligned memory of unspecified content, counted nowhere. */
    static Slab allocate(long bytes) {
        return slab(Pointer.malloc(bytes + ALIGNMENT), bytes);
    }

    /** Aligned zeros, counted nowhere; large ones cost nothing until they are touched. */
    static Slab allocateZeroed(long bytes) {
        return slab(Pointer.calloc(1, bytes + ALIGNMENT), bytes);
    }

    private static Slab slab(Pointer memory, long bytes) {
        if (memory == null || memory.isNull()) {
            throw new OutOfMemoryError("no " + bytes + " bytes of native memory");
        }
        return new Slab(memory, align(memory.address()), bytes);
    }

    static long align(long n) {
        return (n + ALIGNMENT - 1) & -ALIGNMENT;
    }

    void opened(long bytes) {
        long now = live.addAndGet(bytes);
        if (now > peak.get()) {
            peak.accumulateAndGet(now, Math::max);
        }
    }

    void closed(long bytes) {
        live.addAndGet(-bytes);
    }

    /** The smallest slab in the pool that holds {@code bytes}, or a new one. */
    synchronized Slab take(long bytes) {
        int best = -1;
        for (int i = 0; i < pool.size(); i++) {
            long size = pool.get(i).bytes();
            if (size >= bytes && (best < 0 || size < pool.get(best).bytes())) {
                best = i;
            }
        }
        if (best < 0) {
            return allocate(Math.max(SLAB_BYTES, sizeClass(bytes)));
        }
        Slab slab = pool.remove(best);
        pooled -= slab.bytes();
        return slab;
    }

    /** Slabs above the usual size come in eight sizes per doubling, so that slightly larger needs find them again. */
    private static long sizeClass(long bytes) {
        long step = Math.max(ALIGNMENT, Long.highestOneBit(bytes) >>> 3);
        return (bytes + step - 1) / step * step;
    }

    synchronized void giveBack(Slab slab) {
        if (closed) {
            slab.free();
            return;
        }
        pool.add(slab);
        pooled += slab.bytes();
    }

    /** Frees the pool; what is in use is freed when its owner closes it. */
    synchronized void close() {
        closed = true;
        pool.forEach(Slab::free);
        pool.clear();
        pooled = 0;
    }

    synchronized EngineStats stats(long kernelCalls) {
        return new EngineStats(live.get(), peak.get(), pooled, kernelCalls);
    }

    /** @param address the first aligned byte of {@code memory} */
    record Slab(Pointer memory, long address, long bytes) {
        void free() {
            Pointer.free(memory);
        }
    }
}
