package org.attune.benchmarks;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.optim.Pace;
import org.attune.kernel.optim.Updater;
import org.attune.kernel.spec.Optimizer;
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
import org.attune.peft.freezing.GradualFreezing;
import org.attune.peft.freezing.GradualFreezingOptions;
import org.attune.tensor.engine.TensorEngine;
import org.attune.trainers.Classification;
import org.attune.trainers.ClassificationOptions;
import org.attune.trainers.Pooling;
import org.attune.training.Sample;

/**
 * What a step costs while layers freeze: a whole trial of gradual freezing at fixed times, all weights of the MiniLM shape, 32
 * sequences of 128 random tokens. Prints a JSON line for each number of parameters that were trained: the median time of a step, and
 * the engine's live memory after it.
 *
 * <p>Arguments, each with its default: {@code steps=100}, {@code batch=32}, {@code length=128}.
 */
public final class FreezingBenchmark {
    /** The virtual machine compiles the code between the kernels meanwhile. */
    private static final int WARM_UP = 8;

    private FreezingBenchmark() {}

    private record Step(double seconds, long liveBytes) {}

    public static void main(String[] arguments) {
        int steps = argument(arguments, "steps", 100);
        BenchmarkShape shape = BenchmarkShape.of("minilm");
        List<Sample> samples = shape.samples(argument(arguments, "batch", 32), argument(arguments, "length", 128));
        int threads = Runtime.getRuntime().availableProcessors();
        TensorEngine engine = BenchmarkEngines.open("cpu");
        TreeMap<Long, List<Step>> phases = new TreeMap<>();
        try (Model model = shape.model(engine, engine.dtype());
                ParameterStore parameters = new ParameterStore(engine, model, 1);
                Workers workers = new Workers(threads, "benchmark");
                Updater optimizer = new Updater(new Optimizer.AdamW(1e-5, 0.9, 0.999, 1e-8, 0.01), workers);
                Stepper stepper = new Stepper(engine, model, parameters, workers, new StepSettings(threads, 512, 1))) {
            Wiring wiring = new Wiring(model);
            GradualFreezingOptions options = new GradualFreezingOptions(GradualFreezingOptions.Rule.FIXED, 20, 50, 0.4);
            new GradualFreezing().attach(options, wiring.attachment(parameters.claim(Optional.empty())));
            List<String> labels = IntStream.range(0, BenchmarkShape.CLASSES)
                    .mapToObj(i -> "label" + i)
                    .toList();
            TrainerSetup setup = new TrainerSetup(parameters.claim(Optional.empty()), model, labels);
            Session session = new Session(
                    new Classification().open(new ClassificationOptions(128, 0, Pooling.MODEL), setup),
                    wiring,
                    List.of());
            Optimisation optimisation = new Optimisation(
                    stepper,
                    parameters,
                    optimizer,
                    GradientClipping.NONE,
                    Optional.empty(),
                    workers,
                    new Course(steps, steps));
            for (int step = -WARM_UP; step < steps; step++) {
                long began = System.nanoTime();
                optimisation.before(session, Math.max(0, step));
                optimisation.step(session, samples, Math.max(0, step), Pace.PEAK);
                double seconds = (System.nanoTime() - began) / 1e9;
                if (step >= 0) {
                    long trained = parameters.trained().values().stream()
                            .mapToLong(t -> t.shape().size())
                            .sum();
                    phases.computeIfAbsent(-trained, t -> new ArrayList<>())
                            .add(new Step(seconds, engine.stats().liveBytes()));
                }
            }
        }
        phases.forEach((trained, done) -> System.out.println(line(-trained, done)));
    }

    private static ObjectNode line(long trained, List<Step> steps) {
        double[] times = steps.stream().mapToDouble(Step::seconds).sorted().toArray();
        return JsonNodeFactory.instance
                .objectNode()
                .put("trained", trained)
                .put("steps", times.length)
                .put("median_s", times[times.length / 2])
                .put("live_mb", steps.get(steps.size() - 1).liveBytes() >> 20);
    }

    private static int argument(String[] arguments, String name, int otherwise) {
        return Arrays.stream(arguments)
                .filter(a -> a.startsWith(name + "="))
                .map(a -> Integer.parseInt(a.substring(name.length() + 1)))
                .findFirst()
                .orElse(otherwise);
    }
}
