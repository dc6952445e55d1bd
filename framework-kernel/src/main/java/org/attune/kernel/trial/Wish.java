package org.attune.kernel.trial;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.attune.plugin.UserError;

/** What somebody wants of a running trial between two of its steps. Asked for on one thread, carried out on the trial's own. */
abstract class Wish {
    /** Stands where wishes are put when a trial has ended. */
    static final Wish REFUSED = new Wish() {
        @Override
        void carryOut(TrialRun trial) {}

        @Override
        String granted(long step) {
            return "";
        }

        @Override
        String refused(long step) {
            return "";
        }
    };

    private final CompletableFuture<Void> done = new CompletableFuture<>();

    abstract void carryOut(TrialRun trial);

    /** What is worth saying when it was carried out after so many steps. */
    abstract String granted(long step);

    /** What is worth saying when it could not be. */
    abstract String refused(long step);

    /** Carries it out, and tells the one who waits; a mistake of the user is for that one alone. */
    final String answer(long step, Runnable body) {
        try {
            body.run();
            done.complete(null);
            return granted(step);
        } catch (UserError e) {
            done.completeExceptionally(e);
            return refused(step);
        } catch (RuntimeException | Error e) {
            done.completeExceptionally(e);
            throw e;
        }
    }

    final void refuse(TrialRun trial) {
        done.completeExceptionally(new UserError("trial " + trial.id() + " has ended"));
    }

    final void await() {
        try {
            done.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof UserError mistake) {
                throw mistake;
            }
            throw e;
        }
    }
}
