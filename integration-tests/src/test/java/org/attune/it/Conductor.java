package org.attune.it;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.TrialState;

/** Holds a trial after each step until the test lets it go on, so that what a test does in mid-trial is done at a known step. */
final class Conductor implements TrialListener {
    private final Semaphore permits = new Semaphore(0);
    private volatile long reached;
    private Runnable end = () -> {};

    @Override
    public void step(Trial trial, Progress progress) {
        reached = progress.step();
        permits.acquireUninterruptibly();
    }

    /** Lets the trial do so many more steps; the last one returns when its listener is told. */
    void steps(int count) {
        permits.release(count);
    }

    /** Waits until the trial is held after a step. */
    void awaitStep(long step) {
        Await.until("step " + step, () -> reached >= step);
    }

    void atEnd(Runnable end) {
        this.end = end;
    }

    /** Lets the trial run to its end. */
    void letGo() {
        permits.release(1_000_000);
    }

    /** Lets the trial run to its end and waits for it. */
    TrialState finish(Trial trial) throws InterruptedException {
        letGo();
        TrialState state = trial.await(Duration.ofSeconds(90));
        close();
        return state;
    }

    /** Listens no more. */
    void close() {
        end.run();
        end = () -> {};
    }
}
