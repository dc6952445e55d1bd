package org.attune.kernel.spec;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A checked spec: what one trial shall do. Plug-ins' own options stay unbound until the plug-in is known.
 *
 * @param name names the run folder
 * @param seed of everything random
 * @param threads worker threads; part of the spec as resolved, because sums depend on it
 * @param engine name of the tensor engine
 * @param model where the base model comes from
 * @param base the folder that relative paths start from: the spec's own
 * @param output the folder in which run folders are made
 */
public record TrialSpec(
        String name,
        long seed,
        int threads,
        String engine,
        String model,
        PluginRef data,
        PluginRef trainer,
        List<PluginRef> adapters,
        List<PluginRef> regularizers,
        PluginRef sampler,
        Optimizer optimizer,
        Schedule schedule,
        Train train,
        Evaluate evaluate,
        Optional<EarlyStopping> earlyStopping,
        Checkpoint checkpoint,
        List<PluginRef> baselines,
        Path base,
        Path output) {

    /**
     * AdamW.
     *
     * @param lr peak learning rate
     */
    public record Optimizer(double lr, double beta1, double beta2, double eps, double weightDecay) {}

    /**
     * How the learning rate changes over the run.
     *
     * @param warmup optimiser steps of linear warm-up from 0: a number of steps from 1 on, or a share of all steps below 1
     */
    public record Schedule(Kind kind, double warmup) {
        /** After the warm-up: stay, fall linearly to 0, or fall along half a cosine to 0. */
        public enum Kind {
            CONSTANT,
            LINEAR,
            COSINE
        }
    }

    /**
     * The loop.
     *
     * @param epochs passes over the training split; a fraction ends within one
     * @param maxSteps the run ends after so many optimiser steps; 0 for no such limit
     * @param batch examples of an optimiser step
     * @param microTokens about so many tokens are computed at once by a worker
     * @param clip largest global gradient norm; 0 for no clipping
     */
    public record Train(double epochs, long maxSteps, int batch, int microTokens, double clip) {}

    /**
     * Evaluations during and after training.
     *
     * @param split which split; empty for none
     * @param every optimiser steps between evaluations; 0 for only at the end
     */
    public record Evaluate(String split, long every, List<PluginRef> metrics) {}

    /**
     * Ends training when a score no longer improves, and restores the best checkpoint.
     *
     * @param metric name of a score, for example {@code f1_macro}
     * @param patience evaluations without improvement that are endured
     * @param minDelta an improvement is larger than this
     */
    public record EarlyStopping(String metric, int patience, double minDelta) {}

    /** @param every optimiser steps between checkpoints; 0 for only at the end or when suspended */
    public record Checkpoint(long every) {}
}
