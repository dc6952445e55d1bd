package org.attune.tensor.cpu;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.attune.natives.onednn.OpenMp;

/** One {@link Worker} for each thread that calls; that of a thread that has ended passes to the next new one. */
final class Workers {
    /** Threads may outlive this bundle, so they hold on to nothing of it: the worker is only weakly referenced. */
    @SuppressWarnings("ThreadLocalUsage") // one for each engine: an engine's workers go with it
    private final ThreadLocal<WeakReference<Worker>> current = new ThreadLocal<>();

    private final List<Member> members = new ArrayList<>();
    private volatile boolean closed;

    private static final class Member {
        private final Worker worker = new Worker();
        private WeakReference<Thread> owner;

        boolean isOrphaned() {
            Thread thread = owner.get();
            return thread == null || !thread.isAlive();
        }
    }

    /**
     * The calling thread's worker, to be closed at the end of the call.
     *
     * @throws IllegalStateException if the engine is closed
     */
    Worker enter() {
        WeakReference<Worker> reference = current.get();
        Worker worker = reference == null ? null : reference.get();
        if (worker == null) {
            worker = join();
        }
        worker.begin();
        // After begin(): either close() sees this worker busy and waits, or this thread sees that it is closed.
        if (closed) {
            worker.close();
            throw closedError();
        }
        return worker;
    }

    private synchronized Worker join() {
        if (closed) {
            throw closedError();
        }
        // Primitives take the thread count of the thread that builds them.
        OpenMp.setThreads(1);
        Member member = members.stream().filter(Member::isOrphaned).findFirst().orElse(null);
        if (member == null) {
            member = new Member();
            members.add(member);
        }
        member.owner = new WeakReference<>(Thread.currentThread());
        current.set(new WeakReference<>(member.worker));
        return member.worker;
    }

    private static IllegalStateException closedError() {
        return new IllegalStateException("the cpu engine is closed");
    }

    synchronized long calls() {
        return members.stream().mapToLong(m -> m.worker.calls()).sum();
    }

    synchronized Stream<Primitive> primitives() {
        return List.copyOf(members).stream().flatMap(m -> m.worker.primitives());
    }

    /** Waits for kernels that are running, which takes milliseconds, and frees what the workers hold. */
    synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (Member member : members) {
            while (member.worker.isBusy()) {
                Thread.onSpinWait();
            }
            member.worker.dispose();
        }
    }
}
