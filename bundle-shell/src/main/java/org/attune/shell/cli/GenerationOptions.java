package org.attune.shell.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.generation.Decoding;
import org.attune.generation.Decoding.Beams;
import org.attune.generation.Decoding.Patience;
import org.attune.generation.Decoding.Sampling;
import org.attune.generation.Generation;
import org.attune.model.Weights;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import picocli.CommandLine.Option;

/** Which model generates, and how tokens are chosen. */
final class GenerationOptions {
    @Option(
            names = {"-m", "--model"},
            paramLabel = "MODEL",
            description = "The model: a folder, a file, or another source as in a spec. By default that of --run.")
    private String model;

    @Option(
            names = {"-r", "--run"},
            paramLabel = "FOLDER",
            description = "A run folder, or a folder with an adapter in PEFT's layout, to apply to the model.")
    private Path run;

    @Option(
            names = {"-n", "--max-tokens"},
            paramLabel = "N",
            defaultValue = "256",
            description = "At most so many new tokens (${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(
            names = {"-t", "--temperature"},
            paramLabel = "T",
            defaultValue = "0",
            description = "Divides the logits; 0 takes the likeliest token each time (${DEFAULT-VALUE}).")
    private double temperature;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            defaultValue = "0",
            description = "Only the K likeliest tokens; 0 for all.")
    private int topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            defaultValue = "1",
            description = "Only the fewest likeliest tokens whose probabilities reach P; 1 for all.")
    private double topP;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            defaultValue = "0",
            description = "Only tokens with at least this part of the likeliest one's probability; 0 for all.")
    private double minP;

    @Option(
            names = "--repetition-penalty",
            paramLabel = "X",
            defaultValue = "1",
            description = "Makes tokens that are there already less likely; 1 for none.")
    private double repetitionPenalty;

    @Option(
            names = "--beams",
            paramLabel = "N",
            defaultValue = "1",
            description = "Beam search with N beams; 1 for none.")
    private int beams;

    @Option(
            names = "--length-penalty",
            paramLabel = "X",
            defaultValue = "1",
            description = "Beams are compared by log-probability / length^X (${DEFAULT-VALUE}).")
    private double lengthPenalty;

    @Option(
            names = "--patience",
            paramLabel = "WHEN",
            defaultValue = "likely",
            description =
                    "When beam search ends: with the first N finished beams (first), when an open beam is unlikely to beat "
                            + "them (likely), or when it certainly cannot (certain); by default ${DEFAULT-VALUE}.")
    private String patience;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "Ends where this text would follow; may be given more than once.")
    private List<String> stop = new ArrayList<>();

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Decides what is sampled (${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            defaultValue = "",
            description = "The tensor engine; by default the fastest.")
    private String engine;

    @Option(
            names = "--precision",
            paramLabel = "TYPE",
            description = "float32, bfloat16, float16 or float64; by default the engine's own.")
    private String precision;

    @Option(
            names = "--weights",
            paramLabel = "FORM",
            description =
                    "decoded; blocks: matrices stay in the blocks of a GGUF file; nf4, nf4-single or int8: they are"
                            + " quantised. All but decoded take less memory. By default quantised as the run was, else decoded.")
    private String weights;

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute; by default one a processor.")
    private Integer threads;

    @Option(
            names = "--off",
            paramLabel = "NAME",
            description = "Leaves this adapter of the run out; may be given more than once.")
    private List<String> off = new ArrayList<>();

    @Option(
            names = "--on",
            paramLabel = "NAME",
            description = "Lets this adapter act that the run has switched off; may be given more than once.")
    private List<String> on = new ArrayList<>();

    Generation.Source source() {
        if (model == null && run == null) {
            throw new UserError("no model; name one with --model, or a run folder with --run");
        }
        return new Generation.Source(
                Optional.ofNullable(model),
                Optional.ofNullable(run),
                Path.of(""),
                engine,
                Optional.ofNullable(precision).map(p -> Words.constant(DType.class, "--precision", p)),
                Optional.ofNullable(weights).map(w -> Words.constant(Weights.class, "--weights", w)),
                threads == null ? Runtime.getRuntime().availableProcessors() : threads,
                switched());
    }

    private Map<String, Boolean> switched() {
        if (run == null && !(off.isEmpty() && on.isEmpty())) {
            throw new UserError("--on and --off name adapters of a run; name it with --run");
        }
        Map<String, Boolean> switched = new LinkedHashMap<>();
        off.forEach(name -> switched.put(name, false));
        on.forEach(name -> switched.put(name, true));
        return switched;
    }

    Decoding decoding() {
        return new Decoding(
                maxTokens,
                new Sampling(temperature, topK, topP, minP),
                new Beams(beams, lengthPenalty, Words.constant(Patience.class, "--patience", patience)),
                repetitionPenalty,
                stop,
                seed);
    }
}
