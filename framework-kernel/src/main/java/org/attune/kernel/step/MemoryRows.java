package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/** Rows of numbers in an engine's memory, in a few large tensors, so that a batch of them is gathered by one kernel or a few. */
final class MemoryRows implements AutoCloseable {
    private static final long SMALLEST = 1 << 20;
    private static final long LARGEST = 1 << 26;

    private final TensorEngine engine;
    private final long most;
    private final List<Tensor> slabs = new ArrayList<>();
    /** Of the last slab. */
    private int used;

    private final AtomicLong bytes = new AtomicLong();

    /** @param most bytes to be held */
    MemoryRows(TensorEngine engine, long most) {
        this.engine = engine;
        this.most = most;
    }

    /** Some rows of a slab, from {@code first} on. */
    record Place(Tensor slab, int first) implements PrefixCache.Rows {}

    long bytes() {
        return bytes.get();
    }

    /**
     * Copies rows {@code from} up to {@code from + count} of {@code x} [rows, width].
     *
     * @return null where there is no room
     */
    Place add(Tensor x, int from, int count) {
        Tensor slab = slabs.isEmpty() ? null : slabs.get(slabs.size() - 1);
        int width = x.shape().dim(1);
        if (slab == null
                || slab.shape().dim(1) != width
                || slab.dtype() != x.dtype()
                || slab.shape().dim(0) - used < count) {
            slab = slab(x, count);
            if (slab == null) {
                return null;
            }
            slabs.add(slab);
            used = 0;
        }
        long length = (long) count * width;
        engine.copyBlocks(x.storage(), (long) from * width, 0, slab.storage(), (long) used * width, 0, length, 1);
        Place place = new Place(slab, used);
        used += count;
        return place;
    }

    /** For at least so many rows like those of {@code x}: as much as is held already, within limits; null where there is no room. */
    private Tensor slab(Tensor x, int count) {
        int width = x.shape().dim(1);
        long row = (long) width * x.dtype().bytes();
        long wanted = Math.max(SMALLEST, Math.min(LARGEST, bytes.get()));
        long rows = Math.max(count, Math.min(wanted, most - bytes.get()) / row);
        if (rows * row > most - bytes.get()) {
            return null;
        }
        bytes.addAndGet(rows * row);
        return Tensor.zeros(engine, Shape.of(Math.toIntExact(rows), width), x.dtype());
    }

    /** Writes rows from several places into {@code out} [rows, width]. */
    Gathering gathering(Storage out, int width) {
        return new Gathering(out, width);
    }

    /** Waits with rows of one slab that go to adjacent rows, and gathers them at once. */
    final class Gathering {
        private final Storage out;
        private final int width;
        private final List<int[]> runs = new ArrayList<>();
        private Tensor slab;
        private long begin;
        private int rows;

        private Gathering(Storage out, int width) {
            this.out = out;
            this.width = width;
        }

        /** @param at the row of the output that the first goes to */
        void add(Place place, long at, int count) {
            if (place.slab() != slab || at != begin + rows) {
                end();
                slab = place.slab();
                begin = at;
            }
            runs.add(new int[] {place.first(), count});
            rows += count;
        }

        /** Gathers what is left. */
        void end() {
            if (rows > 0) {
                int[] all = new int[rows];
                int i = 0;
                for (int[] run : runs) {
                    for (int r = 0; r < run[1]; r++) {
                        all[i++] = run[0] + r;
                    }
                }
                engine.gatherRows(slab.storage(), width, all, out.slice(begin * width, (long) rows * width));
            }
            runs.clear();
            rows = 0;
        }
    }

    /** Gives all memory back; more rows may be added. */
    @Override
    public void close() {
        slabs.forEach(Tensor::close);
        slabs.clear();
        bytes.set(0);
    }
}
