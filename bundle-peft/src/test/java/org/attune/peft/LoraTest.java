package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.attune.model.LinearMap;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.testkit.plugin.AdapterBench;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoraTest {
    private static LoraOptions options(String... targets) {
        return new LoraOptions(2, 6, 0, List.of(targets), false);
    }

    @Test
    void startsFromTheBaseModelExactly() {
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Lora(), options("query", "value"))) {
            assertThat(bench.hidden()).isEqualTo(bench.bareHidden());
        }
    }

    @Test
    void hasPeftsNamesShapesAndFirstValues() {
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Lora(), options("query", "value"))) {
            Map<String, Tensor> all = bench.parameters().all();
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
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Lora(), options("value"))) {
            double[] before = bench.hidden();
            Tensor a = bench.parameters().all().get("tiny.layer.1.value.lora_A.weight");
            Tensor b = bench.parameters().all().get("tiny.layer.1.value.lora_B.weight");
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
    private static double[] firstUnitAfterQuery(AdapterBench bench) {
        double[] e = bench.model().weights().get("tiny.embeddings.weight").toDoubles();
        double[] w = bench.model().weights().get("tiny.layer.0.query.weight").toDoubles();
        double[] unit = new double[5];
        for (int t = 0; t < 5; t++) {
            double sum = bench.model().weights().get("tiny.layer.0.query.bias").toDoubles()[0];
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
        try (AdapterBench bench = AdapterBench.of(
                TinyModel::new, new Lora(), new LoraOptions(2, 3, dropout, List.of("query", "value"), true))) {
            bench.stir();
            Map<String, double[]> gradients = bench.gradients();
            gradients.forEach((name, gradient) -> {
                Tensor t = bench.parameters().all().get(name);
                double[] at = t.toDoubles();
                for (int i = 0; i < at.length; i++) {
                    assertThat(gradient[i]).as("%s[%d]", name, i).isCloseTo(bench.slope(t, at, i), offset(1e-7));
                }
            });
            assertThat(gradients.values()).allSatisfy(g -> assertThat(g).isNotEqualTo(new double[g.length]));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aMergedWeightDoesTheSame(boolean rslora) {
        LoraOptions options = new LoraOptions(2, 6, 0.1, List.of("query"), rslora);
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Lora(), options)) {
            bench.stir();
            double[] adapted = bench.hidden();

            Tensor weight = bench.model().weights().get("tiny.layer.0.query.weight");
            Tensor bias = bench.model().weights().get("tiny.layer.0.query.bias");
            LinearMap map = bench.wiring()
                    .linear("tiny.layer.0.query")
                    .get(0)
                    .merged(new LinearMap(weight, bias))
                    .orElseThrow();
            assertThat(map.bias()).isSameAs(bias);
            Tensor merged = map.weight();
            assertThat(merged.shape()).isEqualTo(weight.shape());
            weight.set(merged.toDoubles());
            double[] plain = bench.bareHidden();
            assertThat(plain).isNotEqualTo(new double[plain.length]);
            for (int i = 0; i < plain.length; i++) {
                assertThat(plain[i]).isCloseTo(adapted[i], offset(1e-12));
            }
        }
    }

    @Test
    void allLinearLeavesOutTheHead() {
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Lora(), options("all-linear"))) {
            assertThat(bench.parameters().all().keySet())
                    .filteredOn(n -> n.endsWith("lora_A.weight"))
                    .containsExactly("tiny.layer.0.query.lora_A.weight", "tiny.layer.1.value.lora_A.weight");
        }
    }

    @Test
    void aRegularExpressionChoosesByWholePath() {
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Lora(), options(".*layer\\.[1-9]\\..*"))) {
            assertThat(bench.parameters().all().keySet()).allMatch(n -> n.startsWith("tiny.layer.1.value."));
        }
    }

    @Test
    void refusesWhatMakesNoSense() {
        assertThatThrownBy(() -> AdapterBench.of(TinyModel::new, new Lora(), options("query", "k_proj")))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("'k_proj'")
                .hasMessageContaining("query");
        assertThatThrownBy(() -> AdapterBench.of(TinyModel::new, new Lora(), options()))
                .isInstanceOf(UserError.class)
                .hasMessage("lora: targets is empty; name at least one module, or use head-only");
        assertThatThrownBy(() ->
                        AdapterBench.of(TinyModel::new, new Lora(), new LoraOptions(2, 6, 1, List.of("query"), false)))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("lora: dropout is 1.0; it must be below 1");
    }

    private static LoraOptions with(
            List<String> exclude,
            List<Integer> layers,
            List<String> layersPattern,
            Map<String, Integer> ranks,
            Map<String, Double> alphas,
            LoraOptions.Bias bias,
            List<String> whole) {
        Selection selection = new Selection(exclude, layers, layersPattern, whole);
        return new LoraOptions(
                2,
                6,
                0,
                List.of("query", "value"),
                false,
                selection,
                ranks,
                alphas,
                LoraOptions.Start.DEFAULT,
                bias,
                1,
                EvaOptions.DEFAULT);
    }

    private static LoraOptions excluding(String... names) {
        return with(List.of(names), List.of(), List.of(), Map.of(), Map.of(), LoraOptions.Bias.NONE, List.of());
    }

    private static LoraOptions inLayers(List<String> pattern, Integer... numbers) {
        return with(List.of(), List.of(numbers), pattern, Map.of(), Map.of(), LoraOptions.Bias.NONE, List.of());
    }

    private static List<String> adapted(LoraOptions options) {
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Lora(), options)) {
            return bench.parameters().all().keySet().stream()
                    .filter(name -> name.endsWith(".lora_A.weight"))
                    .map(name -> name.replace(".lora_A.weight", ""))
                    .toList();
        }
    }

    @Test
    void mapsAndLayersCanBeLeftOut() {
        assertThat(adapted(excluding("query"))).containsExactly("tiny.layer.1.value");
        assertThat(adapted(excluding(".*layer\\.1.*"))).containsExactly("tiny.layer.0.query");
        assertThat(adapted(inLayers(List.of(), 1))).containsExactly("tiny.layer.1.value");
        assertThat(adapted(inLayers(List.of("h", "layer"), 0, 7))).containsExactly("tiny.layer.0.query");
        assertThatThrownBy(() -> adapted(inLayers(List.of("h"), 0)))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("nothing is left of the 2 modules");
        assertThatThrownBy(() -> adapted(inLayers(List.of("h"))))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("layers_pattern is given, but no layers");
    }

    @Test
    void ranksAndScalesCanDifferByMap() {
        Map<String, Integer> ranks = new java.util.LinkedHashMap<>();
        ranks.put("quer", 5); // no end of a path
        ranks.put("layer\\.0\\..*", 3);
        ranks.put("query", 4);
        LoraOptions options =
                with(List.of(), List.of(), List.of(), ranks, Map.of("value", 8.0), LoraOptions.Bias.NONE, List.of());
        assertThat(options.rank("tiny.layer.0.query")).isEqualTo(3);
        assertThat(options.rank("tiny.layer.1.query")).isEqualTo(4);
        assertThat(options.scale("tiny.layer.0.query")).isEqualTo(2);
        assertThat(options.scale("tiny.layer.1.value")).isEqualTo(4);
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Lora(), options)) {
            assertThat(bench.parameters()
                            .all()
                            .get("tiny.layer.0.query.lora_A.weight")
                            .shape())
                    .isEqualTo(Shape.of(3, 4));
        }
        LoraOptions broken =
                with(List.of(), List.of(), List.of(), Map.of("(", 3), Map.of(), LoraOptions.Bias.NONE, List.of());
        assertThatThrownBy(() -> adapted(broken)).isInstanceOf(UserError.class).hasMessageContaining("lora: '(.*");
    }

    @Test
    void biasesAndWholeModulesCanBeTrainedToo() {
        LoraOptions own =
                with(List.of("query"), List.of(), List.of(), Map.of(), Map.of(), LoraOptions.Bias.LORA_ONLY, List.of());
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Lora(), own)) {
            assertThat(bench.parameters().all()).hasSize(3).containsKey("tiny.layer.1.value.bias");
        }
        LoraOptions all =
                with(List.of(), List.of(), List.of(), Map.of(), Map.of(), LoraOptions.Bias.ALL, List.of("query"));
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Lora(), all)) {
            assertThat(bench.parameters().all())
                    .containsOnlyKeys(
                            "tiny.layer.0.query.weight",
                            "tiny.layer.0.query.bias",
                            "tiny.layer.1.value.bias",
                            "tiny.layer.1.value.lora_A.weight",
                            "tiny.layer.1.value.lora_B.weight");
        }
        LoraOptions unknown =
                with(List.of(), List.of(), List.of(), Map.of(), Map.of(), LoraOptions.Bias.NONE, List.of("lm_head"));
        assertThatThrownBy(() -> adapted(unknown))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("the model has no module 'lm_head'");
    }
}
