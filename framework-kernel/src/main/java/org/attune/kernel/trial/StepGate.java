package org.attune.kernel.trial;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.attune.trial.TrialState;

/**
 * The lock under which plug-in code runs, and the place where a trial's thread waits: while it is paused, and for plug-ins that are
 * away.
 *
 * <p>Whoever takes a plug-in away {@linkplain #drain waits for the gate}, then drops what holds its objects, so that they are
 * unreachable when its bundle stops. Services are looked up outside the gate, for a look-up may wait for the very thread that waits
 * for the gate.
 */
final class StepGate {
    private static final System.Logger LOG = System.getLogger(StepGate.class.getName());
    private static final long LOOK_AGAIN_MILLIS = 250;

    /**
     * @param drain how long a leaving plug-in waits for the step in progress
     * @param replacement how long a trial waits for a replacement; zero to suspend at once
     */
    record Limits(Duration drain, Duration replacement) {}

    /** The trial whose gate it is. */
    interface Owner {
        String id();

        TrialState state();

        /** Its state changes, and this is worth saying of it. */
        void set(TrialState to, String why);

        /** Steps done. */
        long step();
    }

    private final Owner owner;
    private final Limits limits;
    private final ReentrantLock lock = new ReentrantLock(true);
    private final Object signal = new Object();
    private volatile boolean pauseWanted;
    private volatile String stopReason;

    StepGate(Owner owner, Limits limits) {
        this.owner = owner;
        this.limits = limits;
    }

    void lock() {
        lock.lock();
    }

    void unlock() {
        lock.unlock();
    }

    void pause() {
        pauseWanted = true;
        wake();
    }

    void unpause() {
        pauseWanted = false;
        wake();
    }

    /** Makes the trial's thread suspend itself where it waits, or would wait, next. */
    void stop(String reason) {
        stopReason = reason;
        wake();
    }

    /**
     * Waits until the trial is not paused and {@code present} holds. Not inside the gate.
     *
     * @param missing names what it waits for
     * @throws Suspension if the trial is stopped, or nothing came in time
     */
    void await(BooleanSupplier present, Supplier<String> missing) {
        TrialState before = owner.state();
        long deadline = 0;
        while (true) {
            if (stopReason != null) {
                throw new Suspension(stopReason);
            }
            if (pauseWanted) {
                if (owner.state() != TrialState.PAUSED) {
                    owner.set(TrialState.PAUSED, "paused at step " + owner.step());
                }
                sleep(() -> pauseWanted && stopReason == null, 0);
                deadline = 0;
                continue;
            }
            if (present.getAsBoolean()) {
                if (owner.state() != before) {
                    owner.set(before, "");
                }
                return;
            }
            Duration limit = limits.replacement();
            if (deadline == 0) {
                deadline = System.nanoTime() + limit.toNanos();
            }
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                throw new Suspension(missing.get() + " went away"
                        + (limit.isZero() ? "" : " and no replacement came within " + limit.toSeconds() + " s"));
            }
            if (owner.state() != TrialState.WAITING) {
                owner.set(TrialState.WAITING, "waiting for " + missing.get());
            }
            sleep(() -> stopReason == null && !pauseWanted, Math.min(LOOK_AGAIN_MILLIS, left / 1_000_000 + 1));
        }
    }

    /** Sleeps until woken, while the condition holds, at most so many milliseconds, 0 for ever; the caller looks again. */
    @SuppressWarnings("WaitNotInLoop") // await() is the loop
    private void sleep(BooleanSupplier condition, long millis) {
        synchronized (signal) {
            if (!condition.getAsBoolean()) {
                return;
            }
            try {
                signal.wait(millis);
            } catch (InterruptedException e) {
                stopReason = "interrupted";
            }
        }
    }

    /** Lets whoever waits here look again. */
    void wake() {
        synchronized (signal) {
            signal.notifyAll();
        }
    }

    /** Waits on another thread than the trial's, until it is {@linkplain #wake woken} and {@code over} holds, at most so long. */
    void await(BooleanSupplier over, Duration limit) throws InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        synchronized (signal) {
            while (!over.getAsBoolean()) {
                long left = (deadline - System.nanoTime()) / 1_000_000;
                if (left <= 0) {
                    return;
                }
                signal.wait(left);
            }
        }
    }

    /** Waits for the plug-in call in progress, then runs {@code drop} before the next can begin. */
    void drain(Runnable drop) {
        boolean drained = false;
        try {
            drained = lock.tryLock(limits.drain().toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        try {
            drop.run();
        } finally {
            if (drained) {
                lock.unlock();
            }
        }
        if (!drained) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "trial " + owner.id() + ": a plug-in was taken away in the middle of a step, after a wait of "
                            + limits.drain().toSeconds() + " s");
        }
    }
}
