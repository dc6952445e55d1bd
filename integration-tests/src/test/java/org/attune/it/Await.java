package org.attune.it;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waits for what happens on other threads and in other processes. */
final class Await {
    private static final Duration LIMIT = Duration.ofSeconds(90);

    private Await() {}

    /** @param what is awaited, for the message if it never comes */
    static void until(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not within " + LIMIT.toSeconds() + " s: " + what);
            }
            try {
                Thread.sleep(10);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted while waiting: " + what, e);
            }
        }
    }
}
