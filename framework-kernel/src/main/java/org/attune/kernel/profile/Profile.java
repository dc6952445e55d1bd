package org.attune.kernel.profile;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;

/** Counts and times of an engine's operations since it was started, and single calls while they are recorded. Thread-safe. */
public final class Profile {
    /** A recording ends by itself after so many calls, some hundred megabytes. */
    private static final long MOST_CALLS = 2_000_000;

    private final Map<String, Sum> sums = new ConcurrentHashMap<>();
    private final LongAdder recorded = new LongAdder();
    private volatile ConcurrentLinkedQueue<Call> recording;

    private static final class Sum {
        private final LongAdder calls = new LongAdder();
        private final LongAdder nanos = new LongAdder();
        private final LongAdder flops = new LongAdder();
        private final LongAdder bytes = new LongAdder();
    }

    /**
     * One call.
     *
     * @param thread that made it
     * @param start and end in nanoseconds of {@link System#nanoTime}
     */
    public record Call(String operation, String thread, long start, long end, long bytes, long flops) {}

    /**
     * All calls of one operation.
     *
     * @param nanos time in it, summed over threads
     * @param flops of its matrix products; 0 for others
     * @param bytes of its operands, each counted once a call
     */
    public record Operation(String name, long calls, long nanos, long flops, long bytes) {}

    void add(Work work, long start, long end) {
        Sum sum = sums.computeIfAbsent(work.operation(), name -> new Sum());
        sum.calls.increment();
        sum.nanos.add(end - start);
        sum.flops.add(work.flops());
        sum.bytes.add(work.bytes());
        ConcurrentLinkedQueue<Call> calls = recording;
        if (calls != null && recorded.sum() < MOST_CALLS) {
            recorded.increment();
            calls.add(new Call(
                    work.operation(), Thread.currentThread().getName(), start, end, work.bytes(), work.flops()));
        }
    }

    /** All operations since the start, the costliest first. */
    public List<Operation> operations() {
        List<Operation> operations = new ArrayList<>();
        sums.forEach((name, s) ->
                operations.add(new Operation(name, s.calls.sum(), s.nanos.sum(), s.flops.sum(), s.bytes.sum())));
        operations.sort(Comparator.comparingLong(Operation::nanos).reversed());
        return operations;
    }

    /** Forgets what was counted so far. */
    public void clear() {
        sums.clear();
    }

    /** Records single calls from now on. */
    public void record() {
        recorded.reset();
        recording = new ConcurrentLinkedQueue<>();
    }

    /** Ends a recording and gives its calls; none where there was no recording. */
    public List<Call> recorded() {
        ConcurrentLinkedQueue<Call> calls = recording;
        recording = null;
        return calls == null ? List.of() : List.copyOf(calls);
    }
}
