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
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.optim.Pace;
import org.attune.kernel.optim.Updater;
import org.attune.kernel.profile.Instrumented;
import org.attune.kernel.profile.Profile;
import org.attune.kernel.run.PeakMemory;
import org.attune.kernel.spec.Optimizer;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.SpecNode;
import org.attune.kernel.step.Course;
import org.attune.kernel.step.Optimisation;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.model.Weights;
import org.attune.models.source.FolderModelLoader;
import org.attune.peft.Full;
import org.attune.peft.HeadOnly;
import org.attune.peft.Lora;
import org.attune.plugin.Plugin;
import org.attune.tensor.DType;
import org.attune.tensor.engine.TensorEngine;
import org.attune.trainers.CausalLm;
import org.attune.trainers.Classification;
import org.attune.training.Adapter;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/**
 * One training step of a {@link BenchmarkShape}: random weights, or those of a model of that shape, random tokens, no padding, AdamW. Prints one JSON line with the
 * median and the smallest time of a step, the matrix products that a step asks the engine for, and the process's peak memory.
 * With {@code -Dprofile=true} also a line for each operation, on standard error.
 *
 * <p>Arguments, each {@code name=value}, are in the README.
 */
public final class StepBenchmark {
    /** The virtual machine compiles the code between the kernels meanwhile. */
    private static final int WARM_UP = 8;

    private final Map<String, String> options = new LinkedHashMap<>();
    private final BenchmarkShape shape;

    private StepBenchmark(String[] arguments) {
        options.put("shape", "minilm");
        options.put("adapter", "lora");
        options.put("dtype", "float32");
        options.put("model", "");
        options.put("weights", "decoded");
        options.put("last", "all");
        options.put("checkpointing", "false");
        options.put("engine", "cpu");
        options.put("batch", "");
        options.put("length", "");
        options.put("threads", Integer.toString(Runtime.getRuntime().availableProcessors()));
        options.put("micro", "512");
        options.put("steps", "15");
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            if (pair.length != 2 || options.put(pair[0], pair[1]) == null) {
                throw new IllegalArgumentException(
                        "unknown argument '" + argument + "'; there are " + options.keySet());
            }
        }
        shape = BenchmarkShape.of(options.get("shape"));
        options.replace("batch", "", Integer.toString(shape.batch()));
        options.replace("length", "", Integer.toString(shape.length()));
    }

    public static void main(String[] arguments) {
        System.out.println(new StepBenchmark(arguments).run());
    }

    private int number(String option) {
        return Integer.parseInt(options.get(option));
    }

    private boolean is(String option, String yes, String no) {
        String value = options.get(option);
        if (!value.equals(yes) && !value.equals(no)) {
            throw new IllegalArgumentException(option + "=" + value + "; there are " + yes + " and " + no);
        }
        return value.equals(yes);
    }

    private ObjectNode run() {
        int steps = number("steps");
        List<Sample> samples = shape.samples(number("batch"), number("length"));
        TensorEngine engine = Instrumented.of(BenchmarkEngines.open(options.get("engine")));
        DType dtype = DType.valueOf(options.get("dtype").toUpperCase(Locale.ROOT));
        double[] times = new double[steps];
        StepSettings settings = new StepSettings(
                number("threads"),
                number("micro"),
                dtype == engine.dtype() ? Optional.empty() : Optional.of(dtype),
                is("checkpointing", "true", "false"),
                1);
        double loss = 0;
        try (Model loaded = model(engine, dtype);
                ParameterStore parameters = new ParameterStore(engine, loaded, 1);
                Workers workers = new Workers(number("threads"), "benchmark");
                Updater optimizer = new Updater(new Optimizer.AdamW(1e-4, 0.9, 0.999, 1e-8, 0.01), workers)) {
            Model model = is("last", "all", "read") ? WholeLastLayer.of(loaded) : loaded;
            try (Stepper stepper = new Stepper(engine, model, parameters, workers, settings)) {
                Wiring wiring = new Wiring(model);
                attach(wiring.attachment(parameters.claim(Optional.empty())));
                Optimisation optimisation = new Optimisation(
                        stepper,
                        parameters,
                        optimizer,
                        GradientClipping.NONE,
                        Optional.empty(),
                        workers,
                        new Course(1, 1));
                Session session = new Session(objective(model, parameters), wiring, List.of());
                for (int step = 0; step < WARM_UP + steps; step++) {
                    if (step == WARM_UP) {
                        Instrumented.profile(engine).clear();
                    }
                    long began = System.nanoTime();
                    loss = optimisation.step(session, samples, step, Pace.PEAK).loss();
                    if (step >= WARM_UP) {
                        times[step - WARM_UP] = (System.nanoTime() - began) / 1e9;
                    }
                }
            }
        }
        List<Profile.Operation> operations = Instrumented.profile(engine).operations();
        if (Boolean.getBoolean("profile")) {
            operations.forEach(o -> print(o, steps));
        }
        return summary(times, operations, loss);
    }

    private Model model(TensorEngine engine, DType dtype) {
        if (options.get("model").isEmpty()) {
            return shape.model(engine, dtype);
        }
        Path path = Path.of(options.get("model")).toAbsolutePath();
        Weights weights =
                Weights.valueOf(options.get("weights").toUpperCase(Locale.ROOT).replace('-', '_'));
        return new FolderModelLoader()
                .load(path.toString(), path, engine, new WeightForm(dtype, weights))
                .orElseThrow();
    }

    private ObjectNode summary(double[] times, List<Profile.Operation> operations, double loss) {
        Arrays.sort(times);
        double median = times[times.length / 2];
        long flops = operations.stream().mapToLong(Profile.Operation::flops).sum() / times.length;
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("tool", "attune");
        for (String text : List.of("shape", "adapter", "dtype", "weights", "last", "checkpointing", "engine")) {
            json.put(text, options.get(text));
        }
        for (String whole : List.of("batch", "length", "threads", "micro")) {
            json.put(whole, number(whole));
        }
        return json.put("median_s", median)
                .put("min_s", times[0])
                .put("tokens_per_s", number("batch") * number("length") / median)
                .put("gflop", flops / 1e9)
                .put("loss", loss)
                .put("peak_mb", PeakMemory.measure(0).bytes() >> 20);
    }

    static void print(Profile.Operation o, int steps) {
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

    private void attach(Adapter.Attachment on) {
        switch (options.get("adapter")) {
            case "lora" -> attach(new Lora(), shape.lora(), on);
            case "full" -> attach(new Full(), Map.of(), on);
            case "head-only" -> attach(new HeadOnly(), Map.of(), on);
            default ->
                throw new IllegalArgumentException(
                        "adapter=" + options.get("adapter") + "; there are lora, full, head-only");
        }
    }

    private static <O extends Record> void attach(
            Adapter<O> adapter, Map<String, Object> options, Adapter.Attachment on) {
        adapter.attach(bound(adapter, options), on);
    }

    private Trainer.Objective objective(Model model, ParameterStore parameters) {
        List<String> labels = new ArrayList<>();
        for (int i = 0; i < BenchmarkShape.CLASSES; i++) {
            labels.add("label" + i);
        }
        TrainerSetup setup = new TrainerSetup(parameters.claim(Optional.empty()), model, labels);
        return shape.languageModel() ? open(new CausalLm(), setup) : open(new Classification(), setup);
    }

    private static <O extends Record> Trainer.Objective open(Trainer<O> trainer, TrainerSetup setup) {
        return trainer.open(bound(trainer, Map.of()), setup);
    }

    private static <O extends Record> O bound(Plugin<O> plugin, Map<String, Object> options) {
        SpecNode.Fields fields = (SpecNode.Fields) SpecNode.of(options, "benchmark");
        return new OptionBinder()
                .bind(new PluginRef("benchmark", Optional.empty(), fields), "plug-in", plugin.options(), Path.of(""));
    }
}
