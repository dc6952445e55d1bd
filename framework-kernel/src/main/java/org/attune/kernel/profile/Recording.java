package org.attune.kernel.profile;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.attune.kernel.step.Workers;
import org.attune.tensor.engine.TensorEngine;

/**
 * The calls that one trial's threads make to an engine, from its start until it is closed: then {@code profile.json} holds the
 * single calls in Chrome's trace format and {@code profile.txt} a table of the operations. Thread-safe.
 */
public final class Recording implements AutoCloseable {
    /** Some 30 MB of JSON, what trace viewers still take with ease; the table counts the others too. */
    static final int MOST_CALLS = 200_000;

    private final Profile profile;
    private final Predicate<Thread> threads;
    private final Path folder;
    private final Floor floor;
    private final Profile.Sums sums = new Profile.Sums();
    private final ConcurrentLinkedQueue<Call> calls = new ConcurrentLinkedQueue<>();
    private final AtomicInteger kept = new AtomicInteger();
    private final LongAdder dropped = new LongAdder();
    private final LongAdder spanNanos = new LongAdder();

    /** @param work null for a span of the trial, which is no call */
    record Call(String name, Work work, String thread, long start, long end) {}

    private Recording(Profile profile, Predicate<Thread> threads, Path folder, Floor floor) {
        this.profile = profile;
        this.threads = threads;
        this.folder = folder;
        this.floor = floor;
    }

    /**
     * Measures the floor, then begins to record the calls of the workers and of the calling thread.
     *
     * @param engine an {@link Instrumented} one
     * @param folder where the files will go
     */
    public static Recording begin(TensorEngine engine, Workers workers, Path folder) {
        Profile profile = Instrumented.profile(engine);
        Thread caller = Thread.currentThread();
        Recording recording = new Recording(
                profile,
                t -> t == caller || workers.contains(t),
                folder,
                Floor.measure(Instrumented.bare(engine), workers));
        profile.attach(recording);
        return recording;
    }

    /** Runs {@code body}, a part of the trial that shows in the trace by its name. Parts do not overlap. */
    public <T> T span(String name, Supplier<T> body) {
        long start = System.nanoTime();
        try {
            return body.get();
        } finally {
            long end = System.nanoTime();
            spanNanos.add(end - start);
            keep(new Call(name, null, Thread.currentThread().getName(), start, end));
        }
    }

    void add(Work work, long start, long end) {
        Thread thread = Thread.currentThread();
        if (threads.test(thread)) {
            sums.add(work, end - start);
            keep(new Call(work.operation(), work, thread.getName(), start, end));
        }
    }

    private void keep(Call call) {
        if (kept.get() < MOST_CALLS) { // a few more where threads meet here
            kept.incrementAndGet();
            calls.add(call);
        } else {
            dropped.increment();
        }
    }

    /** Ends the recording and writes both files. */
    @Override
    public void close() {
        profile.detach(this);
        List<Call> all = new ArrayList<>(calls);
        ChromeTrace.write(folder.resolve("profile.json"), all, dropped.sum());
        ProfileTable.write(folder.resolve("profile.txt"), sums.operations(), floor, spanNanos.sum());
    }
}
