package org.attune.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.attune.kernel.optim.AdamW;
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.profile.Instrumented;
import org.attune.kernel.profile.Profile;
import org.attune.kernel.run.PeakMemory;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.SpecNode;
import org.attune.kernel.spec.TrialSpec;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.models.source.FolderModelLoader;
import org.attune.peft.Full;
import org.attune.peft.HeadOnly;
import org.attune.peft.Lora;
import org.attune.peft.LoraOptions;
import org.attune.plugin.Plugin;
import org.attune.tensor.Shape;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;
import org.attune.trainers.CausalLm;
import org.attune.trainers.Classification;
import org.attune.training.Adapter;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/**
 * One training step on a fixed shape: all-MiniLM-L6-v2's encoder or SmolLM2-135M with random weights, random tokens, no padding,
 * AdamW. Prints one JSON line with the median and the smallest time of a step.
 *
 * <p>Arguments, each {@code name=value}: {@code shape} (minilm, smollm2), {@code adapter} (lora, full, head-only), {@code batch}
 * (32; smollm2: 4), {@code length} (128; smollm2: 256),
 * {@code threads} (all processors), {@code micro} (tokens computed at once by a worker, 512), {@code steps} (7).
 */
public final class StepBenchmark {
    private static final int VOCABULARY = 30522;
    private static final int HIDDEN = 384;
    private static final int INNER = 1536;
    private static final int LAYERS = 6;
    private static final int CLASSES = 26;
    private static final int WARM_UP = 2;

    private StepBenchmark() {}

    public static void main(String[] args) throws IOException {
        Map<String, String> options = new LinkedHashMap<>(Map.of(
                "shape", "minilm",
                "adapter", "lora",
                "batch", "",
                "length", "",
                "threads", Integer.toString(Runtime.getRuntime().availableProcessors()),
                "micro", "512",
                "steps", "7"));
        for (String arg : args) {
            String[] pair = arg.split("=", 2);
            if (pair.length != 2 || options.put(pair[0], pair[1]) == null) {
                System.err.println("unknown argument '" + arg + "'; there are " + options.keySet());
                System.exit(2);
            }
        }
        boolean decoder = options.get("shape").equals("smollm2");
        int batch = number(options.get("batch"), decoder ? 4 : 32);
        int length = number(options.get("length"), decoder ? 256 : 128);
        int threads = Integer.parseInt(options.get("threads"));
        double[] times = run(
                decoder,
                options.get("adapter"),
                decoder ? SmolLm2.samples(batch, length) : samples(batch, length),
                threads,
                Integer.parseInt(options.get("micro")),
                Integer.parseInt(options.get("steps")));
        Arrays.sort(times);
        double median = times[times.length / 2];
        System.out.printf(
                Locale.ROOT,
                "{\"tool\":\"attune\",\"shape\":\"%s\",\"adapter\":\"%s\",\"dtype\":\"float32\",\"batch\":%d,\"length\":%d,"
                        + "\"median_s\":%.4f,\"min_s\":%.4f,\"tokens_per_s\":%.0f,\"peak_mb\":%d,\"threads\":%d}%n",
                options.get("shape"),
                options.get("adapter"),
                batch,
                length,
                median,
                times[0],
                batch * length / median,
                PeakMemory.measure(0).bytes() >> 20,
                threads);
    }

    private static int number(String given, int otherwise) {
        return given.isEmpty() ? otherwise : Integer.parseInt(given);
    }

    private static double[] run(
            boolean decoder, String adapter, List<Sample> samples, int threads, int micro, int steps)
            throws IOException {
        Path folder = Files.createTempDirectory("attune-benchmark");
        double[] times = new double[steps];
        TensorEngine engine = Instrumented.of(new CpuEngine());
        try (Model model = decoder ? decoder(folder, engine) : model(folder, engine);
                ParameterStore parameters = new ParameterStore(engine, model, 1);
                Workers workers = new Workers(threads, "benchmark");
                Stepper stepper = new Stepper(engine, model, parameters, workers, new StepSettings(threads, micro, 1));
                AdamW optimizer = new AdamW(new TrialSpec.Optimizer(1e-4, 0.9, 0.999, 1e-8, 0.01), workers)) {
            Wiring wiring = new Wiring(model);
            attach(adapter, decoder, wiring.attachment(parameters.claim(Optional.empty())));
            Trainer<?> trainer = decoder ? new CausalLm() : new Classification();
            Session session = new Session(objective(trainer, model, parameters), wiring, List.of());
            for (int step = 0; step < WARM_UP + steps; step++) {
                long began = System.nanoTime();
                Stepper.Result result = stepper.gradients(session, samples, step);
                GradientClipping.norm(parameters.all().values(), result.gradients(), workers);
                optimizer.step(parameters.all(), result.gradients(), 1);
                if (step == WARM_UP - 1) {
                    Instrumented.profile(engine).clear();
                }
                if (step >= WARM_UP) {
                    times[step - WARM_UP] = (System.nanoTime() - began) / 1e9;
                }
            }
            if (Boolean.getBoolean("profile")) {
                for (Profile.Operation o : Instrumented.profile(engine).operations()) {
                    System.err.printf(
                            Locale.ROOT,
                            "%-40s %6d calls %9.2f ms %8.1f us/call %8.1f GFLOP/s %8.1f GB/s%n",
                            o.name(),
                            o.calls() / steps,
                            o.nanos() / 1e6 / steps,
                            o.nanos() / 1e3 / o.calls(),
                            o.flops() / (double) o.nanos(),
                            o.bytes() / (double) o.nanos());
                }
            }
        } finally {
            for (String file : List.of("config.json", "model.safetensors", "tokenizer.json")) {
                Files.deleteIfExists(folder.resolve(file));
            }
            Files.deleteIfExists(folder);
        }
        return times;
    }

    private static List<Sample> samples(int batch, int length) {
        SplittableRandom random = new SplittableRandom(3);
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            int[] ids = random.ints(length, 5, VOCABULARY).toArray();
            samples.add(new Sample(i, ids, new int[length], new int[] {random.nextInt(CLASSES)}));
        }
        return samples;
    }

    private static Adapter<?> adapter(String name) {
        return switch (name) {
            case "lora" -> new Lora();
            case "full" -> new Full();
            case "head-only" -> new HeadOnly();
            default -> throw new IllegalArgumentException("adapter=" + name + "; there are lora, full, head-only");
        };
    }

    private static void attach(String adapter, boolean decoder, Adapter.Attachment on) {
        if (decoder && adapter.equals("lora")) {
            new Lora().attach(new LoraOptions(16, 32, 0, List.of("all-linear"), false), on);
        } else {
            attach(adapter(adapter), on);
        }
    }

    private static <O extends Record> void attach(Adapter<O> adapter, Adapter.Attachment on) {
        adapter.attach(defaults(adapter), on);
    }

    private static <O extends Record> Trainer.Objective objective(
            Trainer<O> trainer, Model model, ParameterStore parameters) {
        List<String> labels = new ArrayList<>();
        for (int i = 0; i < CLASSES; i++) {
            labels.add("label" + i);
        }
        return trainer.open(defaults(trainer), new TrainerSetup(parameters.claim(Optional.empty()), model, labels));
    }

    private static <O extends Record> O defaults(Plugin<O> plugin) {
        PluginRef ref = new PluginRef("benchmark", Optional.empty(), new SpecNode.Fields(Map.of(), "benchmark"));
        return new OptionBinder().bind(ref, "plug-in", plugin.options(), Path.of(""));
    }

    /** A model folder with random weights, read back by the loader that users' models go through. */
    private static Model model(Path folder, TensorEngine engine) throws IOException {
        Files.writeString(folder.resolve("config.json"), """
                {"model_type": "bert", "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": %d,
                 "num_attention_heads": 12, "intermediate_size": %d, "max_position_embeddings": 512,
                 "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
                 "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
                """.formatted(VOCABULARY, HIDDEN, LAYERS, INNER));
        Files.writeString(folder.resolve("tokenizer.json"), """
                {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
                 "pre_tokenizer": null, "post_processor": null, "decoder": null,
                 "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}
                """);
        SplittableRandom random = new SplittableRandom(7);
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        add(weights, random, "embeddings.word_embeddings.weight", VOCABULARY, HIDDEN);
        add(weights, random, "embeddings.position_embeddings.weight", 512, HIDDEN);
        add(weights, random, "embeddings.token_type_embeddings.weight", 2, HIDDEN);
        norm(weights, "embeddings.LayerNorm");
        for (int l = 0; l < LAYERS; l++) {
            String layer = "encoder.layer." + l + ".";
            for (String name : List.of("query", "key", "value")) {
                linear(weights, random, layer + "attention.self." + name, HIDDEN, HIDDEN);
            }
            linear(weights, random, layer + "attention.output.dense", HIDDEN, HIDDEN);
            norm(weights, layer + "attention.output.LayerNorm");
            linear(weights, random, layer + "intermediate.dense", INNER, HIDDEN);
            linear(weights, random, layer + "output.dense", HIDDEN, INNER);
            norm(weights, layer + "output.LayerNorm");
        }
        linear(weights, random, "pooler.dense", HIDDEN, HIDDEN);
        TensorFiles.write(folder.resolve("model.safetensors"), weights, Map.of("format", "pt"));
        return load(folder, engine);
    }

    private static Model decoder(Path folder, TensorEngine engine) throws IOException {
        SmolLm2.write(folder);
        return load(folder, engine);
    }

    private static Model load(Path folder, TensorEngine engine) {
        return new FolderModelLoader()
                .load(folder.toString(), folder, engine, engine.dtype())
                .orElseThrow(() -> new IllegalStateException("no model in " + folder));
    }

    private static void linear(Map<String, HostTensor> weights, SplittableRandom random, String path, int out, int in) {
        add(weights, random, path + ".weight", out, in);
        weights.put(path + ".bias", HostTensor.of(Shape.of(out), new float[out]));
    }

    private static void norm(Map<String, HostTensor> weights, String path) {
        float[] ones = new float[HIDDEN];
        Arrays.fill(ones, 1);
        weights.put(path + ".weight", HostTensor.of(Shape.of(HIDDEN), ones));
        weights.put(path + ".bias", HostTensor.of(Shape.of(HIDDEN), new float[HIDDEN]));
    }

    private static void add(
            Map<String, HostTensor> weights, SplittableRandom random, String name, int rows, int columns) {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = 0.07f * (float) (random.nextDouble() - 0.5);
        }
        weights.put(name, HostTensor.of(Shape.of(rows, columns), values));
    }
}
