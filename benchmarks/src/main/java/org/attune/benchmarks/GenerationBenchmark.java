package org.attune.benchmarks;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.attune.generation.Decoding;
import org.attune.generation.Generated;
import org.attune.generation.Generator;
import org.attune.kernel.generation.LoadedGenerator;
import org.attune.kernel.profile.Instrumented;
import org.attune.kernel.run.PeakMemory;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Wiring;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.model.Weights;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.DType;
import org.attune.tensor.engine.TensorEngine;

/**
 * Speed of generation: reading a prompt of 256 tokens, decoding 64 tokens of one sequence after it, and 16 prompts of 64 tokens with
 * up to 64 new tokens each. Prints one JSON line for each repetition; the first also builds kernels. With {@code -Dprofile=true}
 * also a line for each operation of the last of the three, on standard error.
 *
 * <p>Arguments, each {@code name=value}: {@code model}, a folder or file; {@code dtype} (float32), {@code weights} (decoded;
 * blocks, nf4, nf4-single, int8), {@code engine} (cpu), {@code threads} (one a processor), {@code repeat} (3).
 */
public final class GenerationBenchmark {
    private static final boolean PROFILE = Boolean.getBoolean("profile");
    private static final int PROMPT = 256;
    private static final int DECODED = 64;
    private static final int PROMPTS = 16;
    private static final int SHORT_PROMPT = 64;
    private static final int FIRST_ID = 1000;
    private static final int LAST_ID = 40_000;

    private final Map<String, String> options = new LinkedHashMap<>();

    private GenerationBenchmark(String[] arguments) {
        options.put("model", "");
        options.put("dtype", "float32");
        options.put("weights", "decoded");
        options.put("engine", "cpu");
        options.put("threads", Integer.toString(Runtime.getRuntime().availableProcessors()));
        options.put("repeat", "3");
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            if (pair.length != 2 || options.put(pair[0], pair[1]) == null) {
                throw new IllegalArgumentException(
                        "unknown argument '" + argument + "'; there are " + options.keySet());
            }
        }
    }

    public static void main(String[] arguments) {
        new GenerationBenchmark(arguments).run();
    }

    private void run() {
        TensorEngine engine = BenchmarkEngines.open(options.get("engine"));
        if (PROFILE) {
            engine = Instrumented.of(engine);
        }
        run(engine);
    }

    private void run(TensorEngine engine) {
        DType type = DType.valueOf(options.get("dtype").toUpperCase(Locale.ROOT));
        Weights weights =
                Weights.valueOf(options.get("weights").toUpperCase(Locale.ROOT).replace('-', '_'));
        Path path = Path.of(options.get("model")).toAbsolutePath();
        Model model = new FolderModelLoader()
                .load(path.toString(), path, engine, new WeightForm(type, weights))
                .orElseThrow();
        ParameterStore none = new ParameterStore(engine, model, 0);
        int[] prompt = new int[PROMPT];
        Arrays.setAll(prompt, i -> FIRST_ID + i);
        try (Generator generator = new LoadedGenerator(
                engine,
                model,
                none,
                new Wiring(model),
                Optional.of(type),
                Integer.parseInt(options.get("threads")),
                () -> {
                    none.close();
                    model.close();
                })) {
            for (int i = 0; i < Integer.parseInt(options.get("repeat")); i++) {
                double first = seconds(generator, List.of(prompt), 1).seconds;
                double all = seconds(generator, List.of(prompt), 1 + DECODED).seconds;
                if (PROFILE) {
                    Instrumented.profile(engine).clear();
                }
                Run many = seconds(generator, prompts(), DECODED);
                if (PROFILE) {
                    Instrumented.profile(engine).operations().forEach(o -> StepBenchmark.print(o, 1));
                }
                System.out.println(line(model, PROMPT / first, DECODED / (all - first), many.tokens / many.seconds));
            }
        }
    }

    private static List<int[]> prompts() {
        SplittableRandom random = new SplittableRandom(0);
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < PROMPTS; i++) {
            int[] prompt = new int[SHORT_PROMPT];
            Arrays.setAll(prompt, j -> random.nextInt(FIRST_ID, LAST_ID));
            prompts.add(prompt);
        }
        return prompts;
    }

    private record Run(int tokens, double seconds) {}

    private static Run seconds(Generator generator, List<int[]> prompts, int newTokens) {
        long start = System.nanoTime();
        List<Generated> texts = generator.generate(prompts, Decoding.greedy(newTokens));
        double seconds = (System.nanoTime() - start) * 1e-9;
        return new Run(texts.stream().mapToInt(text -> text.ids().length).sum(), seconds);
    }

    private ObjectNode line(Model model, double prefill, double decode, double many) {
        long bytes = model.weights().values().stream()
                .mapToLong(w -> w.storage().bytes())
                .sum();
        return JsonNodeFactory.instance
                .objectNode()
                .put("dtype", options.get("dtype"))
                .put("weights", options.get("weights"))
                .put("prefill_tokens_per_s", prefill)
                .put("decode_tokens_per_s", decode)
                .put("batch16_tokens_per_s", many)
                .put("model_bytes", bytes)
                .put("decode_gb_per_s", decode * bytes / 1e9)
                .put("peak_mb", PeakMemory.measure(0).bytes() >> 20);
    }
}
