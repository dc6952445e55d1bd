package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.attune.model.AttachPoint;
import org.attune.model.LinearTransform;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoraTest {
    private static LoraOptions options(String... targets) {
        return new LoraOptions(2, 6, 0, List.of(targets), false);
    }

    @Test
    void startsFromTheBaseModelExactly() {
        try (Bench bench = new Bench(new Lora(), options("query", "value"))) {
            assertThat(bench.hidden()).isEqualTo(bench.bareHidden());
        }
    }

    @Test
    void hasPeftsNamesShapesAndFirstValues() {
        try (Bench bench = new Bench(new Lora(), options("query", "value"))) {
            Map<String, Tensor> all = bench.parameters.all();
            assertThat(all.keySet())
                    .containsExactly(
                            "tiny.layer.0.query.lora_A.weight",
                            "tiny.layer.0.query.lora_B.weight",
                            "tiny.layer.1.value.lora_A.weight",
                            "tiny.layer.1.value.lora_B.weight");
            assertThat(all.values().stream().map(Tensor::shape))
                    .containsExactly(Shape.of(2, 4), Shape.of(6, 2), Shape.of(2, 6), Shape.of(3, 2));
            assertThat(all.get("tiny.layer.0.query.lora_B.weight").toDoubles()).containsOnly(0);
            double[] a = all.get("tiny.layer.0.query.lora_A.weight").toDoubles();
            assertThat(a).doesNotHaveDuplicates();
            assertThat(Arrays.stream(a).map(Math::abs).max().orElseThrow()).isLessThan(0.5); // 1 / sqrt(4)
        }
    }

    @Test
    void addsTheScaledProductOfItsMatrices() {
        try (Bench bench = new Bench(new Lora(), options("value"))) {
            double[] before = bench.hidden();
            Tensor a = bench.parameters.all().get("tiny.layer.1.value.lora_A.weight");
            Tensor b = bench.parameters.all().get("tiny.layer.1.value.lora_B.weight");
            b.set(1, 0, 0, 0, 0, 0); // only output 0 listens, to row 0 of A
            a.set(0, 0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 5);
            assertThat(bench.hidden()).isEqualTo(before);

            a.set(1, 0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 5);
            double[] after = bench.hidden();
            double[] firstUnit = firstUnitAfterQuery(bench);
            for (int t = 0; t < 5; t++) {
                assertThat(after[3 * t]).isCloseTo(before[3 * t] + 3 * firstUnit[t], offset(1e-12)); // 6 / 2 = 3
                assertThat(after[3 * t + 1]).isEqualTo(before[3 * t + 1]);
            }
        }
    }

    /** tanh of output 0 of the first linear map, for the five tokens, by hand. */
    private static double[] firstUnitAfterQuery(Bench bench) {
        double[] e = bench.model.weights().get("tiny.embeddings.weight").toDoubles();
        double[] w = bench.model.weights().get("tiny.layer.0.query.weight").toDoubles();
        double[] unit = new double[5];
        for (int t = 0; t < 5; t++) {
            double sum = bench.model.weights().get("tiny.layer.0.query.bias").toDoubles()[0];
            for (int i = 0; i < 4; i++) {
                sum += e[4 * t + i] * w[i];
            }
            unit[t] = Math.tanh(sum);
        }
        return unit;
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.4})
    void gradientsAreThoseOfFiniteDifferences(double dropout) {
        try (Bench bench = new Bench(new Lora(), new LoraOptions(2, 3, dropout, List.of("query", "value"), true))) {
            bench.stir();
            Map<String, double[]> gradients = bench.gradients();
            gradients.forEach((name, gradient) -> {
                Tensor t = bench.parameters.all().get(name);
                double[] at = t.toDoubles();
                for (int i = 0; i < at.length; i++) {
                    assertThat(gradient[i]).as("%s[%d]", name, i).isCloseTo(slope(bench, t, at, i), offset(1e-7));
                }
            });
            assertThat(gradients.values()).allSatisfy(g -> assertThat(g).isNotEqualTo(new double[g.length]));
        }
    }

    private static double slope(Bench bench, Tensor t, double[] at, int i) {
        double h = 1e-5;
        double[] moved = at.clone();
        moved[i] = at[i] + h;
        t.set(moved);
        double up = bench.loss();
        moved[i] = at[i] - h;
        t.set(moved);
        double down = bench.loss();
        t.set(at);
        return (up - down) / (2 * h);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aMergedWeightDoesTheSame(boolean rslora) {
        LoraOptions options = new LoraOptions(2, 6, 0.1, List.of("query"), rslora);
        try (Bench bench = new Bench(new Lora(), options)) {
            bench.stir();
            double[] adapted = bench.hidden();

            Tensor weight = bench.model.weights().get("tiny.layer.0.query.weight");
            Tensor merged =
                    transforms(bench, options).get(0).mergedWeight(weight).orElseThrow();
            assertThat(merged.shape()).isEqualTo(weight.shape());
            weight.set(merged.toDoubles());
            double[] plain = bench.bareHidden();
            assertThat(plain).isNotEqualTo(new double[plain.length]);
            for (int i = 0; i < plain.length; i++) {
                assertThat(plain[i]).isCloseTo(adapted[i], offset(1e-12));
            }
        }
    }

    /** What the adapter claims, over the bench's own parameters. */
    private static List<LinearTransform> transforms(Bench bench, LoraOptions options) {
        List<LinearTransform> transforms = new java.util.ArrayList<>();
        Adapter.Attachment real = bench.wiring.attachment(bench.parameters.claim(java.util.Optional.empty()));
        new Lora().attach(options, new Recording(real, transforms));
        return transforms;
    }

    @Test
    void allLinearLeavesOutTheHead() {
        try (Bench bench = new Bench(new Lora(), options("all-linear"))) {
            assertThat(bench.parameters.all().keySet())
                    .filteredOn(n -> n.endsWith("lora_A.weight"))
                    .containsExactly("tiny.layer.0.query.lora_A.weight", "tiny.layer.1.value.lora_A.weight");
        }
    }

    @Test
    void aRegularExpressionChoosesByWholePath() {
        try (Bench bench = new Bench(new Lora(), options(".*layer\\.[1-9]\\..*"))) {
            assertThat(bench.parameters.all().keySet()).allMatch(n -> n.startsWith("tiny.layer.1.value."));
        }
    }

    @Test
    void refusesWhatMakesNoSense() {
        assertThatThrownBy(() -> new Bench(new Lora(), options("query", "k_proj")))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("'k_proj'")
                .hasMessageContaining("query");
        assertThatThrownBy(() -> new Bench(new Lora(), options()))
                .isInstanceOf(UserError.class)
                .hasMessage("lora: targets is empty; name at least one linear map, or use head-only");
        assertThatThrownBy(() -> new Bench(new Lora(), new LoraOptions(2, 6, 1, List.of("query"), false)))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("lora: dropout is 1.0; it must be below 1");
    }

    private record Recording(Adapter.Attachment real, List<LinearTransform> transforms) implements Adapter.Attachment {
        @Override
        public List<AttachPoint> points() {
            return real.points();
        }

        @Override
        public List<String> weights() {
            return real.weights();
        }

        @Override
        public List<AttachPoint> allLinear() {
            return real.allLinear();
        }

        @Override
        public List<AttachPoint> match(AttachPoint.Kind kind, List<String> targets) {
            return real.match(kind, targets);
        }

        @Override
        public void linear(String path, LinearTransform transform) {
            transforms.add(transform);
        }

        @Override
        public void output(String path, org.attune.model.OutputTransform transform) {
            throw new AssertionError("lora claims linear maps alone");
        }

        @Override
        public Tensor parameter(String name, Shape shape, Initializer initializer) {
            return real.parameter(name, shape, initializer);
        }

        @Override
        public Tensor train(String weight) {
            return real.train(weight);
        }
    }
}
