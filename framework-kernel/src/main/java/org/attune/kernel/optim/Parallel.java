package org.attune.kernel.optim;

import java.util.function.IntConsumer;

/** Runs tasks that do not depend on each other; in which order, and on which threads, is open. */
@FunctionalInterface
public interface Parallel {
    /** Runs {@code task} for 0 to {@code n - 1} and waits for all. */
    void each(int n, IntConsumer task);
}
