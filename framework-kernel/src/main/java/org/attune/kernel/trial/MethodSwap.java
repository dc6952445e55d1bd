package org.attune.kernel.trial;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;
import org.attune.kernel.merge.MergedWeights;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Wiring;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.trial.Trials.Former;

/** The wish that a trial go on with another method. Asked for on one thread, carried out on the trial's own. */
final class MethodSwap {
    /** Stands where wishes are put when a trial has ended. */
    static final MethodSwap REFUSED = new MethodSwap(List.of(), Former.DROPPED);

    private final List<PluginRef> adapters;
    private final Former former;
    private final CompletableFuture<Void> done = new CompletableFuture<>();

    /** @param adapters with all their options */
    MethodSwap(List<PluginRef> adapters, Former former) {
        this.adapters = List.copyOf(adapters);
        this.former = former;
    }

    List<PluginRef> adapters() {
        return adapters;
    }

    /** What becomes of the former adapters, as it is written down. */
    String former() {
        return former.name().toLowerCase(Locale.ROOT);
    }

    /** What is worth saying when it is done. */
    String text(long step) {
        String names = adapters.stream().map(PluginRef::name).collect(Collectors.joining(", "));
        return done.isCompletedExceptionally()
                ? "not given " + names + " at step " + step
                : "goes on with " + names + " from step " + step + ", what it had is " + former();
    }

    /** The weights that the former adapters come to, where they shall be merged. */
    Map<String, Tensor> merged(Model model, ParameterStore parameters, Wiring wiring, TensorEngine engine) {
        if (former == Former.DROPPED) {
            return Map.of();
        }
        try {
            return new MergedWeights(model, parameters, wiring).changed(engine);
        } catch (UserError e) {
            throw new UserError(e.getMessage() + "; to go on without what it has learnt, swap with --drop", e);
        }
    }

    /** Carries it out, and tells the one who waits; a mistake of the user is for that one alone. */
    void answer(Runnable body) {
        try {
            body.run();
            done.complete(null);
        } catch (UserError e) {
            done.completeExceptionally(e);
        } catch (RuntimeException | Error e) {
            done.completeExceptionally(e);
            throw e;
        }
    }

    void refuse(TrialRun trial) {
        done.completeExceptionally(new UserError("trial " + trial.id() + " has ended"));
    }

    void await() {
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
