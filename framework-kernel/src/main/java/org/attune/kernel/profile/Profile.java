package org.attune.kernel.profile;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;
import org.attune.tensor.DType;

/** Counts and times of an engine's operations since it was started; single calls go to the recordings. Thread-safe. */
public final class Profile {
    private final Sums sums = new Sums();
    private final List<Recording> recordings = new CopyOnWriteArrayList<>();

    /**
     * All calls of one operation.
     *
     * @param dtype that its products are computed in
     * @param nanos time in it, summed over threads
     * @param flops of its matrix products; 0 for others
     * @param bytes of its operands, each counted once a call
     */
    public record Operation(String name, DType dtype, long calls, long nanos, long flops, long bytes) {}

    void add(Work work, long start, long end) {
        sums.add(work, end - start);
        for (Recording recording : recordings) {
            recording.add(work, start, end);
        }
    }

    void attach(Recording recording) {
        recordings.add(recording);
    }

    void detach(Recording recording) {
        recordings.remove(recording);
    }

    /** All operations since the start, the costliest first. */
    public List<Operation> operations() {
        return sums.operations();
    }

    /** Forgets what was counted so far. */
    public void clear() {
        sums.clear();
    }

    /** Operations by name, added up. */
    static final class Sums {
        private final Map<String, Sum> byName = new ConcurrentHashMap<>();

        private record Sum(DType dtype, LongAdder calls, LongAdder nanos, LongAdder flops, LongAdder bytes) {
            Sum(DType dtype) {
                this(dtype, new LongAdder(), new LongAdder(), new LongAdder(), new LongAdder());
            }
        }

        void add(Work work, long nanos) {
            Sum sum = byName.computeIfAbsent(work.operation(), name -> new Sum(work.dtype()));
            sum.calls.increment();
            sum.nanos.add(nanos);
            sum.flops.add(work.flops());
            sum.bytes.add(work.bytes());
        }

        List<Operation> operations() {
            List<Operation> operations = new ArrayList<>();
            byName.forEach((name, s) -> operations.add(
                    new Operation(name, s.dtype, s.calls.sum(), s.nanos.sum(), s.flops.sum(), s.bytes.sum())));
            operations.sort(Comparator.comparingLong(Operation::nanos).reversed());
            return operations;
        }

        void clear() {
            byName.clear();
        }
    }
}
