package org.attune.kernel.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.attune.kernel.spec.Optimizer;
import org.attune.kernel.spec.Optimizer.Adafactor.Form;
import org.attune.kernel.spec.Schedule;
import org.attune.tensor.Gradients;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.TensorFile;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.attune.training.OptimizerGroup;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Expected values: make_extras.py; PyTorch, transformers and bitsandbytes in float32. */
class UpdaterTest {
    private static final Parallel IN_ORDER = (n, task) -> IntStream.range(0, n).forEach(task);

    private static final Optimizer SETTINGS = new Optimizer.AdamW(0.01, 0.9, 0.999, 1e-8, 0.1);

    private final TensorEngine engine = new ReferenceEngine();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "adamw",
                "adamw-nowd",
                "adamw-betas-eps",
                "adamw-clip-norm-1",
                "adamw-amsgrad",
                "adam-l2",
                "sgd",
                "sgd-momentum",
                "sgd-momentum-dampening",
                "sgd-nesterov",
                "rmsprop",
                "rmsprop-centered-momentum",
                "adafactor-hf",
                "adafactor-hf-scale-wd-beta1",
                "adafactor-torch",
                "adafactor-torch-wd",
                "lion",
                "adamw-clip-value-0.5"
            })
    void equalsTheLibraries(String name) throws IOException {
        boolean clipped = name.endsWith("clip-norm-1");
        boolean limited = name.endsWith("clip-value-0.5");
        JsonNode golden = golden();
        Optimizer settings = settings(golden.get("optimizers").get(clipped || limited ? "adamw" : name));
        JsonNode norms = golden.get("clipping").get("norm-1").get("total_norms");
        try (TensorFile file = TensorFile.open(Golden.path("optim/optim.safetensors"));
                Updater adam = new Updater(settings, IN_ORDER)) {
            Map<String, Tensor> parameters = new LinkedHashMap<>();
            for (String p : List.of("w", "b")) {
                parameters.put(p, Tensor.of(engine, file.shape("init." + p), file.doubles("init." + p)));
            }
            Gradients gradients = new Gradients(parameters.values());
            for (int step = 0; step < 12; step++) {
                for (Map.Entry<String, Tensor> p : parameters.entrySet()) {
                    gradients.of(p.getValue()).set(row(file, "grad." + p.getKey(), step));
                }
                if (clipped) {
                    double norm = GradientClipping.norm(parameters.values(), gradients, IN_ORDER);
                    double expected = norms.get(step).doubleValue();
                    assertThat(norm).as("norm of step %d", step).isCloseTo(expected, within(1e-6 * (1 + expected)));
                    new GradientClipping(1, 0).clip(parameters.values(), gradients, norm, IN_ORDER);
                    for (Map.Entry<String, Tensor> p : parameters.entrySet()) {
                        assertClose(
                                "clipped " + p.getKey() + " of step " + step,
                                gradients.of(p.getValue()),
                                row(file, "clip-norm-1." + p.getKey(), step));
                    }
                }
                if (limited) {
                    new GradientClipping(0, 0.5).clip(parameters.values(), gradients, Double.NaN, IN_ORDER);
                }
                adam.step(parameters, gradients, 1);
                for (Map.Entry<String, Tensor> p : parameters.entrySet()) {
                    assertClose(
                            p.getKey() + " after step " + step, p.getValue(), row(file, name + "." + p.getKey(), step));
                }
            }
        }
    }

    /** What remains of float32 rounding over 12 steps; the script's own two computations differ by up to 4e-7. */
    private static void assertClose(String what, Tensor actual, double[] expected) {
        assertThat(actual.toDoubles()).as(what).containsExactly(expected, within(1e-6));
    }

    /** As another method does to parameters of the same name. */
    @Test
    void whatIsForgottenBeginsAnewEvenWithAnotherShape() {
        try (Updater used = new Updater(SETTINGS, IN_ORDER);
                Updater fresh = new Updater(SETTINGS, IN_ORDER)) {
            Tensor former = Tensor.of(engine, Shape.of(2), new double[] {1, 2});
            Gradients once = new Gradients(List.of(former));
            once.of(former).set(new double[] {0.7, 0.7});
            used.step(Map.of("p", former), once, 1);
            used.forget(Set.of("p", "unknown"));
            Tensor a = Tensor.of(engine, Shape.of(3), new double[] {1, 2, 3});
            Tensor b = Tensor.of(engine, Shape.of(3), new double[] {1, 2, 3});
            Gradients gradients = new Gradients(List.of(a, b));
            gradients.of(a).set(new double[] {0.3, 0.3, 0.3});
            gradients.of(b).set(new double[] {0.3, 0.3, 0.3});
            used.step(Map.of("p", a), gradients, 1);
            fresh.step(Map.of("p", b), gradients, 1);
            assertThat(a.toDoubles()).isEqualTo(b.toDoubles());
            assertThat(used.begun()).containsExactly(Map.entry("p", 1L));
        }
    }

    /** The momentum of a step in place of the optimiser's own; expected values by make.py. */
    @ParameterizedTest
    @ValueSource(strings = {"adamw", "adam", "sgd", "rmsprop"})
    void followsAMomentumThatChanges(String name) throws IOException {
        JsonNode expected;
        try (InputStream in = UpdaterTest.class.getResourceAsStream("/one_cycle/one-cycle.json")) {
            expected = new ObjectMapper().readTree(in).get(name);
        }
        Optimizer settings = switch (name) {
            case "adamw" -> new Optimizer.AdamW(0.1, 0.9, 0.999, 1e-8, 0.1);
            case "adam" -> new Optimizer.Adam(0.1, 0.9, 0.999, 1e-8, 0, true);
            case "sgd" -> new Optimizer.Sgd(0.1, 0.9, 0, true, 0);
            default -> new Optimizer.RmsProp(0.1, 0.99, 1e-8, 0.5, false, 0);
        };
        LearningRate rate = new LearningRate(new Schedule.OneCycle(0.3, 25, 1e4, false, false, true, 0.85, 0.95), 12);
        try (Updater updater = new Updater(settings, IN_ORDER)) {
            Tensor p = Tensor.of(engine, Shape.of(3), new double[] {0.5, -1, 2});
            Gradients gradients = new Gradients(List.of(p));
            for (int step = 0; step < 12; step++) {
                int t = step;
                gradients
                        .of(p)
                        .set(IntStream.range(0, 3)
                                .mapToDouble(i -> Math.sin(3.0 * t + 5.0 * i))
                                .toArray());
                updater.step(
                        Map.of("p", p),
                        gradients,
                        new Pace(rate.multiplier(step), rate.momentum(step)),
                        (n, shape) -> OptimizerGroup.PLAIN);
                for (int i = 0; i < 3; i++) {
                    assertThat(p.toDoubles()[i])
                            .as("%d after step %d", i, step)
                            .isCloseTo(expected.get(step).get(i).doubleValue(), within(1e-6));
                }
            }
        }
    }

    private static double[] row(TensorFile file, String name, int row) {
        double[] all = file.doubles(name);
        int size = all.length / 12;
        return Arrays.copyOfRange(all, row * size, (row + 1) * size);
    }

    private static JsonNode golden() throws IOException {
        return new ObjectMapper().readTree(Golden.path("optim/optim.json").toFile());
    }

    private static Optimizer settings(JsonNode json) {
        JsonNode betas = json.path("betas");
        double lr = json.get("lr").doubleValue();
        double decay = json.path("weight_decay").asDouble(0);
        double beta1 = betas.path(0).asDouble(0.9);
        double beta2 = betas.path(1).asDouble(0.999);
        double eps = json.path("eps").asDouble(1e-8);
        boolean amsgrad = json.path("amsgrad").asBoolean();
        double momentum = json.path("momentum").asDouble(0);
        return switch (json.get("kind").asText()) {
            case "AdamW" -> new Optimizer.AdamW(lr, beta1, beta2, eps, decay, amsgrad);
            case "Adam" -> new Optimizer.Adam(lr, beta1, beta2, eps, decay, amsgrad);
            case "SGD" ->
                new Optimizer.Sgd(
                        lr,
                        momentum,
                        json.path("dampening").asDouble(0),
                        json.path("nesterov").asBoolean(),
                        decay);
            case "RMSprop" ->
                new Optimizer.RmsProp(
                        lr,
                        json.path("alpha").asDouble(0.99),
                        eps,
                        momentum,
                        json.path("centered").asBoolean(),
                        decay);
            case "Lion" -> new Optimizer.Lion(lr, beta1, beta2, decay);
            case "Adafactor (torch)" -> new Optimizer.Adafactor(lr, Form.TORCH, true, 0, decay);
            case "Adafactor (transformers)" ->
                new Optimizer.Adafactor(
                        lr,
                        Form.TRANSFORMERS,
                        json.get("scale_parameter").asBoolean(),
                        json.path("beta1").asDouble(0),
                        decay);
            default -> throw new IllegalArgumentException(json.toString());
        };
    }

    /** Each by itself is what it is: a tensor that has three axes is a stack of matrices. */
    @ParameterizedTest
    @EnumSource(Form.class)
    void factoredMomentsOfAStackAreThoseOfItsMatrices(Form form) {
        Optimizer settings = new Optimizer.Adafactor(0.1, form, true, 0, 0.1);
        int rows = 90;
        int columns = 70; // more elements than are read at once
        double[] values = new double[2 * rows * columns];
        double[] slopes = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.sin(i);
            slopes[i] = Math.cos(3.0 * (i % (rows * columns))); // the same for both
        }
        for (int i = rows * columns; i < values.length; i++) {
            values[i] = values[i - rows * columns];
        }
        try (Updater stacked = new Updater(settings, IN_ORDER);
                Updater alone = new Updater(settings, IN_ORDER)) {
            Tensor both = Tensor.of(engine, Shape.of(2, rows, columns), values);
            Tensor one = Tensor.of(engine, Shape.of(rows, columns), Arrays.copyOf(values, rows * columns));
            for (int step = 0; step < 3; step++) {
                update(stacked, both, slopes);
                update(alone, one, Arrays.copyOf(slopes, rows * columns));
            }
            assertThat(stacked.moments(Map.of("p", both))
                            .get("exp_avg_sq_col.p")
                            .shape())
                    .isEqualTo(Shape.of(2, columns));
            double[] result = both.toDoubles();
            double[] expected = one.toDoubles();
            for (int i = 0; i < result.length; i++) {
                assertThat(result[i]).isCloseTo(expected[i % expected.length], within(1e-12));
            }
        }
    }

    private static void update(Updater updater, Tensor p, double[] slope) {
        Gradients gradients = new Gradients(List.of(p));
        gradients.of(p).set(slope);
        updater.step(Map.of("p", p), gradients, 1);
    }

    /** More elements than a rule takes at once. */
    @Test
    void whatIsTakenInPartsIsTheSame() {
        Optimizer settings = new Optimizer.Lion(0.1, 0.9, 0.99, 0.1);
        double[] values = new double[10_000];
        Arrays.setAll(values, Math::sin);
        double[] slopes = new double[values.length];
        Arrays.setAll(slopes, i -> Math.cos(5.0 * i));
        try (Updater whole = new Updater(settings, IN_ORDER);
                Updater single = new Updater(settings, IN_ORDER)) {
            Tensor all = Tensor.of(engine, Shape.of(values.length), values);
            Tensor last = Tensor.of(engine, Shape.of(1), values[values.length - 1]);
            for (int step = 0; step < 3; step++) {
                update(whole, all, slopes);
                update(single, last, new double[] {slopes[slopes.length - 1]});
            }
            assertThat(all.toDoubles()[values.length - 1]).isEqualTo(last.toDoubles()[0]);
        }
    }

    @Test
    void goesOnExactlyFromCopiedMoments() {
        double[] straight = train(4, 4);
        assertThat(train(4, 2)).isEqualTo(straight);
    }

    /** The parameter after {@code steps} steps, with everything moved to new objects after {@code move} of them. */
    private double[] train(int steps, int move) {
        Map<String, Tensor> parameters = Map.of("p", Tensor.of(engine, Shape.of(2), 0.5, -0.25));
        Updater adam = new Updater(SETTINGS, IN_ORDER);
        for (int step = 0; step < steps; step++) {
            if (step == move) {
                Updater next = new Updater(SETTINGS, IN_ORDER);
                Map<String, Tensor> from = adam.moments(parameters);
                Map<String, Tensor> moved = Map.of(
                        "p", Tensor.of(engine, Shape.of(2), parameters.get("p").toDoubles()));
                next.moments(moved).forEach((name, m) -> m.set(from.get(name).toDoubles()));
                next.resume(adam.steps(), adam.begun());
                adam.close();
                adam = next;
                parameters = moved;
            }
            Gradients gradients = new Gradients(parameters.values());
            gradients.of(parameters.get("p")).set(0.3 + step, -0.1 * step);
            adam.step(parameters, gradients, 1.0 / (step + 1));
        }
        return parameters.get("p").toDoubles();
    }

    @Test
    void closingGivesTheMemoryBack() {
        long before = engine.stats().liveBytes();
        Tensor p = Tensor.zeros(engine, Shape.of(100));
        Updater adam = new Updater(SETTINGS, IN_ORDER);
        assertThat(adam.moments(Map.of("p", p))).containsOnlyKeys("exp_avg.p", "exp_avg_sq.p");
        adam.close();
        p.close();
        assertThat(engine.stats().liveBytes()).isEqualTo(before);
    }

    /** As PyTorch does, which counts the steps of each parameter. */
    @Test
    void aParameterThatComesBackBeginsAnew() {
        Tensor a = Tensor.of(engine, Shape.of(1), 0.5);
        Tensor b = Tensor.of(engine, Shape.of(1), 0.5);
        Gradients gradients = new Gradients(List.of(a, b));
        gradients.of(a).set(0.3);
        gradients.of(b).set(0.3);
        try (Updater adam = new Updater(SETTINGS, IN_ORDER)) {
            adam.step(Map.of("a", a, "b", b), gradients, 1);
            double[] first = b.toDoubles();
            adam.step(Map.of("a", a), gradients, 1);
            assertThat(b.toDoubles()).isEqualTo(first);
            assertThat(adam.moments(Map.of("a", a))).containsOnlyKeys("exp_avg.a", "exp_avg_sq.a");
            b.set(0.5);
            adam.step(Map.of("a", a, "b", b), gradients, 1);
            assertThat(b.toDoubles()).isEqualTo(first);
            assertThat(adam.begun()).isEqualTo(Map.of("b", 2L));
        }
    }

    @Test
    void groupsHaveTheirOwnRateAndDecay() {
        Tensor a = Tensor.of(engine, Shape.of(1), 0.5);
        Tensor b = Tensor.of(engine, Shape.of(1), 0.5);
        Gradients gradients = new Gradients(List.of(a, b));
        gradients.of(a).set(0.3);
        gradients.of(b).set(0.3);
        try (Updater grouped = new Updater(SETTINGS, IN_ORDER);
                Updater plain = new Updater(new Optimizer.AdamW(0.04, 0.9, 0.999, 1e-8, 0), IN_ORDER)) {
            grouped.step(
                    Map.of("a", a),
                    gradients,
                    Pace.PEAK,
                    (name, shape) -> OptimizerGroup.rate(4).undecayed());
            plain.step(Map.of("b", b), gradients, 1);
        }
        assertThat(a.toDoubles()).isEqualTo(b.toDoubles());
    }

    @Test
    void aChangedShapeIsRefused() {
        Tensor a = Tensor.zeros(engine, Shape.of(2));
        Tensor b = Tensor.zeros(engine, Shape.of(3));
        Updater adam = new Updater(SETTINGS, IN_ORDER);
        adam.step(Map.of("a", a), new Gradients(List.of(a)), 1);
        assertThatThrownBy(() -> adam.step(Map.of("a", b), new Gradients(List.of(b)), 1))
                .hasMessageContaining("parameter a [3]")
                .hasMessageContaining("knows it as [2]");
        assertThatThrownBy(() -> adam.step(Map.of("a", a), new Gradients(List.of()), 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(adam.steps()).isEqualTo(1);
    }

    @Test
    void smallGradientsAreLeftAloneAndANanSpreads() {
        Tensor p = Tensor.zeros(engine, Shape.of(2));
        List<Tensor> parameters = List.of(p);
        Gradients gradients = new Gradients(parameters);
        gradients.of(p).set(3, 4);
        assertThat(GradientClipping.norm(parameters, gradients, IN_ORDER)).isEqualTo(5);
        new GradientClipping(6, 0).clip(parameters, gradients, 5, IN_ORDER);
        assertThat(gradients.of(p).toDoubles()).containsExactly(3, 4);
        gradients.of(p).set(3, Double.NaN);
        double norm = GradientClipping.norm(parameters, gradients, IN_ORDER);
        assertThat(norm).isNaN();
        new GradientClipping(1, 0).clip(parameters, gradients, norm, IN_ORDER);
        assertThat(gradients.of(p).toDoubles()[0]).isNaN();
    }
}
