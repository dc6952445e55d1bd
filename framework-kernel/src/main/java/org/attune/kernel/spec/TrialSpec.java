package org.attune.kernel.spec;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.attune.model.Weights;
import org.attune.plugin.Option;
import org.attune.tensor.DType;

/**
 * A checked spec: what one trial shall do. Plug-ins' own options stay unbound until the plug-in is known.
 *
 * @param name names the run folder
 * @param seed of everything random
 * @param threads worker threads; 0 for one a processor. No result depends on it
 * @param engine name of the tensor engine; empty, in a spec as written, for the fastest that runs here
 * @param precision of the base model's matrices and of activations; empty for the engine's own type
 * @param weights how the base model's matrices are held
 * @param model where the base model comes from: {@code maven:group:artifact:version}, another {@code scheme:…}, or the absolute path
 *     of a folder; empty where it is to be made
 * @param newModel how it is to be made
 * @param average empty: the last parameters are evaluated and saved
 * @param adapters none: the base stays frozen, and the trainer's own parameters alone are trained
 * @param base the folder that relative paths start from: the spec's own; absolute
 * @param output the folder in which run folders are made; absolute
 */
public record TrialSpec(
        String name,
        long seed,
        int threads,
        String engine,
        Optional<DType> precision,
        Weights weights,
        String model,
        Optional<ModelPlan> newModel,
        PluginRef data,
        PluginRef trainer,
        List<PluginRef> adapters,
        List<PluginRef> regularizers,
        PluginRef sampler,
        Optimizer optimizer,
        Schedule schedule,
        Train train,
        Optional<Averaging> average,
        Cache cache,
        Evaluate evaluate,
        Optional<EarlyStopping> earlyStopping,
        Checkpoint checkpoint,
        List<PluginRef> baselines,
        Path base,
        Path output) {

    /**
     * The spec with each of its plug-ins replaced; the arguments are the kind ({@code data}, {@code trainer}, {@code adapter},
     * {@code regularizer}, {@code sampler}, {@code metric}, {@code baseline}) and the plug-in. With
     * {@link PluginRef#withOptions} this makes the spec as resolved, for {@link SpecWriter}.
     */
    public TrialSpec withPlugins(BiFunction<String, PluginRef, PluginRef> each) {
        return with(engine, precision, each);
    }

    /** The spec with its engine and the precision named. */
    public TrialSpec withEngine(String chosen, DType resolved) {
        return with(chosen, Optional.of(resolved), (kind, plugin) -> plugin);
    }

    /** Of the parameters in a saved folder that has no place for it: that of the only adapter. Several have theirs in the folder. */
    public AdapterScope savedScope() {
        return adapters.size() == 1 ? adapters.get(0).scope() : AdapterScope.PLAIN;
    }

    /** The spec with other adapters. */
    public TrialSpec withAdapters(List<PluginRef> others) {
        return new TrialSpec(
                name,
                seed,
                threads,
                engine,
                precision,
                weights,
                model,
                newModel,
                data,
                trainer,
                others,
                regularizers,
                sampler,
                optimizer,
                schedule,
                train,
                average,
                cache,
                evaluate,
                earlyStopping,
                checkpoint,
                baselines,
                base,
                output);
    }

    private TrialSpec with(String chosen, Optional<DType> numbers, BiFunction<String, PluginRef, PluginRef> each) {
        return new TrialSpec(
                name,
                seed,
                threads,
                chosen,
                numbers,
                weights,
                model,
                newModel,
                each.apply("data", data),
                each.apply("trainer", trainer),
                replaced(adapters, "adapter", each),
                replaced(regularizers, "regularizer", each),
                each.apply("sampler", sampler),
                optimizer,
                schedule,
                train,
                average,
                cache,
                new Evaluate(evaluate.split, evaluate.every, replaced(evaluate.metrics, "metric", each)),
                earlyStopping,
                checkpoint,
                replaced(baselines, "baseline", each),
                base,
                output);
    }

    private static List<PluginRef> replaced(
            List<PluginRef> plugins, String kind, BiFunction<String, PluginRef, PluginRef> each) {
        return plugins.stream().map(plugin -> each.apply(kind, plugin)).toList();
    }

    /**
     * The loop.
     *
     * @param lanes in a spec as read never 0: sums depend on it, so the spec as resolved keeps the number of another machine
     */
    public record Train(
            @Option(
                    value = "passes over the training split; a fraction ends within one",
                    defaults = "1",
                    min = 0,
                    max = 1_000_000)
            double epochs,

            @Option(value = "the run ends after so many optimiser steps; 0 for no such limit", defaults = "0", min = 0)
            long maxSteps,

            @Option(value = "examples of an optimiser step", defaults = "32", min = 1)
            int batch,

            @Option(value = "about so many tokens are computed at once by a thread", defaults = "512", min = 1)
            int microTokens,

            @Option(
                    value = "parts of a batch that are summed each by itself, in threads or one after another; "
                            + "0 for one a processor",
                    defaults = "0",
                    min = 0,
                    max = 1024)
            int lanes,

            @Option(value = "largest global gradient norm; 0 for no clipping", defaults = "0", min = 0)
            double clip,

            @Option(value = "largest absolute value of a gradient's element; 0 for no limit", defaults = "0", min = 0)
            double clipValue,

            @Option(
                    value = "compute each layer again for its gradient rather than keep it: less memory, more time",
                    defaults = "false")
            boolean checkpointing) {
        public Train {
            if (clip > 0 && clipValue > 0) {
                throw new IllegalArgumentException("clip and clip_value cannot both be given");
            }
        }

        Train withLanes(int number) {
            return new Train(epochs, maxSteps, batch, microTokens, number, clip, clipValue, checkpointing);
        }
    }

    /**
     * What is kept of the frozen layers at the beginning of a model, of examples that are used more than once.
     *
     * @param memory and disk sizes as a spec writes them; both 0 for nothing
     */
    public record Cache(
            @Option(value = "most memory for the outputs of frozen layers, such as 512MB", defaults = "512MB")
            String memory,

            @Option(value = "most disk for those that memory does not hold, such as 4GB", defaults = "4GB")
            String disk) {
        private static final Pattern SIZE = Pattern.compile("([0-9]{1,12})\\s*([KMGT]?)B?");

        public Cache {
            bytes("memory", memory);
            bytes("disk", disk);
        }

        public long memoryBytes() {
            return bytes("memory", memory);
        }

        public long diskBytes() {
            return bytes("disk", disk);
        }

        private static long bytes(String key, String size) {
            Matcher parts = SIZE.matcher(size.strip().toUpperCase(Locale.ROOT));
            if (!parts.matches()) {
                throw new IllegalArgumentException(
                        key + ": expected a size such as 512MB or 4GB, found " + Quote.of(size));
            }
            int power = parts.group(2).isEmpty() ? 0 : 1 + "KMGT".indexOf(parts.group(2));
            return Long.parseLong(parts.group(1)) << (10 * power);
        }
    }

    /**
     * Evaluations during and after training.
     *
     * @param split which split; empty for none
     * @param every optimiser steps between evaluations; 0 for only at the end
     */
    public record Evaluate(String split, long every, List<PluginRef> metrics) {}

    /** Ends training when a score no longer improves, and restores the best checkpoint. */
    public record EarlyStopping(
            @Option("name of a score, for example f1_macro") String metric,

            @Option(value = "evaluations without improvement that are endured", defaults = "3", min = 0)
            int patience,

            @Option(value = "an improvement is larger than this", defaults = "0", min = 0)
            double minDelta) {}

    /** When the state of a run is saved. */
    public record Checkpoint(
            @Option(
                    value = "optimiser steps between checkpoints; 0 for only at the end or when suspended",
                    defaults = "100",
                    min = 0)
            long every) {}
}
