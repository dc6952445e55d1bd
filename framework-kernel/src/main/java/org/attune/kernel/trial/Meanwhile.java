package org.attune.kernel.trial;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/** A resource that another thread opens while the caller does something else. Closing it closes what nobody took. */
final class Meanwhile<T extends AutoCloseable> implements AutoCloseable {
    private final FutureTask<T> opening;
    private boolean taken;

    private Meanwhile(FutureTask<T> opening) {
        this.opening = opening;
    }

    /** @param name of the thread */
    static <T extends AutoCloseable> Meanwhile<T> open(String name, Supplier<T> resource) {
        FutureTask<T> opening = new FutureTask<>(resource::get);
        Thread thread = new Thread(opening, name);
        thread.setDaemon(true);
        thread.start();
        return new Meanwhile<>(opening);
    }

    /** Waits for the resource, which is the caller's from then on; throws what opening it threw. */
    T take() {
        try {
            T resource = await();
            taken = true;
            return resource;
        } catch (ExecutionException e) {
            taken = true;
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) e.getCause(); // a supplier throws no other
        }
    }

    private T await() throws ExecutionException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return opening.get();
                } catch (InterruptedException e) {
                    interrupted = true; // it must end before the engine may go
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() {
        if (!taken) {
            taken = true;
            try {
                await().close();
            } catch (Exception e) {
                throw new IllegalStateException("what was opened meanwhile could not be closed", e);
            }
        }
    }
}
