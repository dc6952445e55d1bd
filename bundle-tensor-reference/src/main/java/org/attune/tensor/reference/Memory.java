package org.attune.tensor.reference;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Arena;
import org.attune.tensor.engine.EngineStats;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.io.BlockType;

/** Blocks of doubles, and the account of them. Blocks of arenas are kept by size class for the next arena. Thread-safe. */
final class Memory {
    private final Map<Integer, Deque<double[]>> free = new HashMap<>();
    private long live;
    private long peak;
    private long pooled;

    Storage allocatePersistent(long size, DType dtype) {
        int n = checked(size);
        double[] data = new double[n];
        synchronized (this) {
            opened(data);
        }
        return DoubleStorage.of(data, n, dtype, this::closePersistent);
    }

    Storage allocateBlocks(BlockType type, long size, DType dtype) {
        double[] data = new double[checked(size)];
        synchronized (this) {
            opened(data);
        }
        return DoubleStorage.inBlocks(data, type, dtype, this::closePersistent);
    }

    Arena openArena() {
        return new BlockArena();
    }

    synchronized EngineStats stats(long kernelCalls) {
        return new EngineStats(live, peak, pooled, kernelCalls);
    }

    private synchronized void closePersistent(double[] data) {
        live -= bytes(data);
    }

    private double[] takeBlock(int size) {
        int capacity = sizeClass(size);
        double[] data;
        synchronized (this) {
            Deque<double[]> blocks = free.get(capacity);
            data = blocks == null ? null : blocks.poll();
            if (data != null) {
                pooled -= bytes(data);
                opened(data);
            }
        }
        if (data == null) {
            data = new double[capacity];
            synchronized (this) {
                opened(data);
            }
        }
        return data;
    }

    private synchronized void giveBlock(double[] data) {
        live -= bytes(data);
        pooled += bytes(data);
        free.computeIfAbsent(data.length, capacity -> new ArrayDeque<>()).push(data);
    }

    private void opened(double[] data) {
        live += bytes(data);
        peak = Math.max(peak, live);
    }

    private static long bytes(double[] data) {
        return 8L * data.length;
    }

    /** Rounds up to four classes per power of two: at most a quarter of a block is wasted, and ragged sizes meet. */
    private static int sizeClass(int size) {
        long step = Math.max(16, Integer.highestOneBit(size) / 4);
        return (int) Math.min(Integer.MAX_VALUE - 8, (size + step - 1) / step * step);
    }

    private static int checked(long size) {
        if (size < 0 || size > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(
                    "the reference engine holds up to 2^31 - 9 elements in a tensor, not " + size);
        }
        return (int) size;
    }

    private final class BlockArena implements Arena {
        private final List<DoubleStorage> storages = new ArrayList<>();
        private boolean closed;

        @Override
        public Storage allocate(long size, DType dtype) {
            if (closed) {
                throw new IllegalStateException("the arena is closed");
            }
            int n = checked(size);
            double[] data = takeBlock(n);
            Arrays.fill(data, 0, n, Double.NaN); // whoever reads what was never written shall see it
            DoubleStorage storage = DoubleStorage.of(data, n, dtype, Memory.this::giveBlock);
            storages.add(storage);
            return storage;
        }

        @Override
        public void close() {
            closed = true;
            storages.forEach(DoubleStorage::close);
            storages.clear();
        }
    }
}
