package org.attune.kernel.generation;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * The calling thread and helpers that share out pieces of some ten microseconds, a few hundred a token. So members wait for each
 * other awake, and go to sleep only after a while without work. One caller at a time.
 */
final class Team implements AutoCloseable {
    /** Longer than anything that one member does alone between two shared pieces of a token. */
    private static final long AWAKE_NANOS = 2_000_000;

    private static final int SPINS_PER_LOOK = 64;

    private final int size;
    private final List<Thread> helpers = new ArrayList<>();
    /** Helpers that have not ended their share. */
    private final AtomicInteger busy = new AtomicInteger();

    private final AtomicInteger arrived = new AtomicInteger();
    private volatile int meetings;
    private volatile Throwable failure;
    private final AtomicInteger calls = new AtomicInteger();
    /** Written before {@link #calls}, read after it. */
    private Share share;

    private int members;
    private volatile boolean closed;

    /** What one member does. */
    @FunctionalInterface
    interface Share {
        void run(int member);
    }

    /** @param size how many threads, the caller among them */
    Team(int size) {
        this.size = size;
        for (int i = 1; i < size; i++) {
            int member = i;
            Thread helper = new Thread(() -> help(member), "attune-generation-" + member);
            helper.setDaemon(true);
            helpers.add(helper);
            helper.start();
        }
    }

    int size() {
        return size;
    }

    /**
     * Runs the shares of members 0, which is the caller, to {@code count - 1}, and waits for all; the first failure is thrown when
     * all have ended.
     */
    void run(int count, Share work) {
        if (count == 1) {
            work.run(0);
            return;
        }
        failure = null;
        arrived.set(0);
        share = work;
        members = count;
        busy.set(size - 1);
        calls.incrementAndGet();
        helpers.forEach(LockSupport::unpark); // costs nothing where a helper is awake
        attempt(work, 0);
        await(() -> busy.get() == 0);
        share = null;
        Throwable failed = failure;
        if (failed instanceof RuntimeException e) {
            throw e;
        }
        if (failed != null) {
            throw new IllegalStateException("a thread of a generation failed: " + failed, failed);
        }
    }

    /**
     * Waits until all members of the present call have come here.
     *
     * @throws IllegalStateException if one of them failed before
     */
    void meet() {
        int meeting = meetings;
        if (arrived.incrementAndGet() == members) {
            arrived.set(0);
            meetings = meeting + 1;
            return;
        }
        await(() -> meetings != meeting || failure != null);
        if (meetings == meeting) {
            throw new IllegalStateException("another thread of the generation failed");
        }
    }

    private void help(int member) {
        int done = 0;
        while (awaitCall(done)) {
            done = calls.get();
            if (member < members) {
                attempt(share, member);
            }
            busy.decrementAndGet();
        }
    }

    /** Whether there is another call, rather than the end. */
    private boolean awaitCall(int done) {
        long asleep = System.nanoTime() + AWAKE_NANOS;
        while (calls.get() == done && !closed) {
            for (int i = 0; i < SPINS_PER_LOOK && calls.get() == done; i++) {
                Thread.onSpinWait();
            }
            if (calls.get() == done && System.nanoTime() > asleep) {
                LockSupport.park(this);
            }
        }
        return calls.get() != done;
    }

    private void attempt(Share work, int member) {
        try {
            work.run(member);
        } catch (Throwable t) { // told by run, on the caller's thread
            synchronized (this) {
                failure = failure == null ? t : failure;
            }
        }
    }

    @SuppressWarnings("ThreadPriorityCheck") // a hint is all that is meant
    private static void await(Condition condition) {
        for (int i = 1; !condition.holds(); i++) {
            if (i % SPINS_PER_LOOK == 0) {
                Thread.yield(); // there may be fewer processors than members
            } else {
                Thread.onSpinWait();
            }
        }
    }

    @FunctionalInterface
    private interface Condition {
        boolean holds();
    }

    @Override
    public void close() {
        closed = true;
        helpers.forEach(LockSupport::unpark);
    }
}
