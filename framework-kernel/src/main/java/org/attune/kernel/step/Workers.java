package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.attune.kernel.optim.Parallel;

/** The threads that compute a trial's micro-batches, one a core; the engine's kernels are single-threaded. */
public final class Workers implements Parallel, AutoCloseable {
    /** So few tasks are done before the workers are awake. */
    private static final int FEW = 32;

    private final ExecutorService executor;
    private final String prefix;
    private final int count;

    public Workers(int count, String name) {
        this.count = count;
        this.prefix = name + "-worker-";
        AtomicInteger number = new AtomicInteger();
        this.executor = Executors.newFixedThreadPool(count, task -> {
            Thread thread = new Thread(task, prefix + number.getAndIncrement());
            thread.setDaemon(true);
            return thread;
        });
    }

    public int count() {
        return count;
    }

    /** Whether a thread is one of these; told by its name. */
    public boolean contains(Thread thread) {
        return thread.getName().startsWith(prefix);
    }

    /** A worker's share of the work. */
    @FunctionalInterface
    public interface Share {
        void run(int worker);
    }

    /** Runs every worker's share and waits for all; the first failure is thrown when all have ended. */
    public void run(Share share) {
        List<Future<?>> futures = new ArrayList<>(count);
        for (int w = 0; w < count; w++) {
            int worker = w;
            futures.add(executor.submit(() -> share.run(worker)));
        }
        RuntimeException failure = null;
        boolean interrupted = false;
        for (Future<?> future : futures) {
            while (true) {
                try {
                    future.get();
                    break;
                } catch (InterruptedException e) {
                    interrupted = true; // the shares must end before their tensors may go
                } catch (ExecutionException e) {
                    failure = failure != null ? failure : asRuntime(e.getCause());
                    break;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public void each(int n, IntConsumer task) {
        if (n <= FEW || count == 1) {
            for (int i = 0; i < n; i++) {
                task.accept(i);
            }
            return;
        }
        AtomicInteger next = new AtomicInteger();
        run(w -> {
            for (int i = next.getAndIncrement(); i < n; i = next.getAndIncrement()) {
                task.accept(i);
            }
        });
    }

    private static RuntimeException asRuntime(Throwable cause) {
        if (cause instanceof RuntimeException e) {
            return e;
        }
        return new IllegalStateException("a worker failed: " + cause, cause);
    }

    @Override
    public void close() {
        executor.shutdown();
    }
}
