package org.attune.tensor.cpu;

import java.util.ArrayList;
import java.util.List;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;

/**
 * A kernel's operands in the types that it takes: what has another type is converted into scratch memory, and results are converted
 * back when the call closes. One call at a time.
 */
final class Operands implements AutoCloseable {
    private final Worker w;
    private final List<NativeMemory.Slab> slabs = new ArrayList<>();
    private final List<Result> results = new ArrayList<>();
    private int used;

    private record Result(long scratch, DType type, CpuStorage out) {}

    Operands(Worker w) {
        this.w = w;
    }

    /** What is read; null is 0. */
    long in(Storage storage, DType type) {
        if (storage == null) {
            return 0;
        }
        if (storage instanceof BlockStorage blocks) {
            return decoded(blocks, type);
        }
        long at = CpuStorage.address(storage);
        if (storage.dtype() == type) {
            return at;
        }
        long scratch = scratch(type.bytes() * storage.size());
        w.convert(at, storage.dtype(), scratch, type, storage.size());
        return scratch;
    }

    private long decoded(BlockStorage blocks, DType type) {
        long floats = scratch(Float.BYTES * blocks.size());
        w.blocks().decode(blocks, floats);
        if (type == DType.FLOAT32) {
            return floats;
        }
        long converted = scratch(type.bytes() * blocks.size());
        w.convert(floats, DType.FLOAT32, converted, type, blocks.size());
        return converted;
    }

    long in(Storage storage) {
        return in(storage, DType.FLOAT32);
    }

    /** {@code n} elements of bfloat16 as float32. */
    long widened(long from, long n) {
        long scratch = scratch(Float.BYTES * n);
        w.convert(from, DType.BFLOAT16, scratch, DType.FLOAT32, n);
        return scratch;
    }

    /** What is overwritten; null is 0. */
    long out(Storage storage, DType type) {
        if (storage == null) {
            return 0;
        }
        CpuStorage out = (CpuStorage) storage;
        long at = CpuStorage.target(out);
        if (out.dtype() == type) {
            return at;
        }
        long scratch = scratch(type.bytes() * out.size());
        results.add(new Result(scratch, type, out));
        return scratch;
    }

    long out(Storage storage) {
        return out(storage, DType.FLOAT32);
    }

    /** What is read and changed. */
    long update(Storage storage) {
        long at = out(storage);
        if (storage.dtype() != DType.FLOAT32) {
            w.convert(CpuStorage.address(storage), storage.dtype(), at, DType.FLOAT32, storage.size());
        }
        return at;
    }

    private long scratch(long bytes) {
        if (used == slabs.size()) {
            slabs.add(NativeMemory.allocate(bytes + bytes / 2));
        } else if (slabs.get(used).bytes() < bytes) {
            slabs.get(used).free();
            slabs.set(used, NativeMemory.allocate(bytes + bytes / 2));
        }
        return slabs.get(used++).address();
    }

    /** Delivers the results. */
    @Override
    public void close() {
        for (Result r : results) {
            w.convert(r.scratch, r.type, CpuStorage.address(r.out), r.out.dtype(), r.out.size());
        }
        results.clear();
        used = 0;
    }

    void dispose() {
        slabs.forEach(NativeMemory.Slab::free);
        slabs.clear();
    }
}
