package org.attune.tensor.cpu;

import java.util.ArrayList;
import java.util.List;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Arena;
import org.attune.tensor.engine.Storage;

/**
 * Cuts storages out of slabs. Ragged batches ask for ever other sizes, so a free span serves any request that it can hold
 * (the smallest that fits is taken) and merges with free neighbours; free lists by size would each keep a step's worth.
 */
final class CpuArena implements Arena {
    private final NativeMemory memory;
    private final List<NativeMemory.Slab> slabs = new ArrayList<>();
    /** The first span of each slab. */
    private final List<Span> heads = new ArrayList<>();

    private final List<Span> free = new ArrayList<>();
    private boolean open = true;

    CpuArena(NativeMemory memory) {
        this.memory = memory;
    }

    @Override
    public Storage allocate(long size, DType dtype) {
        CpuEngine.check(dtype);
        if (!open) {
            throw new IllegalStateException("this arena is closed");
        }
        long asked = dtype.bytes() * size;
        long bytes = Math.max(NativeMemory.ALIGNMENT, NativeMemory.align(asked));
        Span span = smallestFree(bytes);
        if (span == null) {
            span = addSlab(bytes);
        }
        span.take(bytes, asked);
        return new CpuStorage(span, span.address, size, dtype);
    }

    private Span smallestFree(long bytes) {
        Span best = null;
        for (int i = 0; i < free.size(); i++) {
            Span span = free.get(i);
            if (span.bytes >= bytes && (best == null || span.bytes < best.bytes)) {
                best = span;
            }
        }
        return best;
    }

    private Span addSlab(long bytes) {
        NativeMemory.Slab slab = memory.take(bytes);
        Span span = new Span(slab.address(), slab.bytes() & -NativeMemory.ALIGNMENT);
        slabs.add(slab);
        heads.add(span);
        span.head = heads.size() - 1;
        span.addToFree();
        return span;
    }

    @Override
    public void close() {
        if (!open) {
            return;
        }
        open = false;
        for (Span head : heads) {
            for (Span span = head; span != null; span = span.next) {
                if (span.open) {
                    span.open = false;
                    memory.closed(span.requested);
                }
            }
        }
        slabs.forEach(memory::giveBack);
        slabs.clear();
        heads.clear();
        free.clear();
    }

    /** A run of bytes in a slab, free or owned by one storage. Spans of a slab are linked in order of address. */
    private final class Span implements CpuStorage.Allocation {
        private final long address;
        private long bytes;
        private long requested;
        private boolean open;
        private Span previous;
        private Span next;
        /** Index in {@link #heads} if this is the first span of a slab. */
        private int head = -1;
        /** Index in {@link #free}, -1 if it is not there. */
        private int place = -1;

        Span(long address, long bytes) {
            this.address = address;
            this.bytes = bytes;
        }

        @Override
        public boolean isOpen() {
            return open;
        }

        @Override
        public void changes() {}

        @Override
        public WeightCopies copies() {
            return null;
        }

        void take(long wanted, long asked) {
            removeFromFree();
            if (bytes > wanted) {
                Span rest = new Span(address + wanted, bytes - wanted);
                rest.next = next;
                rest.previous = this;
                if (next != null) {
                    next.previous = rest;
                }
                next = rest;
                bytes = wanted;
                rest.addToFree();
            }
            open = true;
            requested = asked;
            memory.opened(asked);
        }

        /** Its storage still refers to this object, so the bytes go on as another one. */
        @Override
        public void close() {
            if (!open) {
                return;
            }
            open = false;
            memory.closed(requested);
            Span first = this;
            Span last = this;
            if (previous != null && previous.place >= 0) {
                first = previous;
                first.removeFromFree();
            }
            if (next != null && next.place >= 0) {
                last = next;
                last.removeFromFree();
            }
            new Span(first.address, last.address + last.bytes - first.address).replace(first, last);
        }

        private void replace(Span first, Span last) {
            previous = first.previous;
            next = last.next;
            if (previous != null) {
                previous.next = this;
            }
            if (next != null) {
                next.previous = this;
            }
            head = first.head;
            if (head >= 0) {
                heads.set(head, this);
            }
            addToFree();
        }

        private void addToFree() {
            place = free.size();
            free.add(this);
        }

        private void removeFromFree() {
            Span last = free.remove(free.size() - 1);
            if (last != this) {
                free.set(place, last);
                last.place = place;
            }
            place = -1;
        }
    }
}
