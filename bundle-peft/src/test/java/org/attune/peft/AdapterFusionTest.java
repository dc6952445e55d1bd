package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;
import static org.assertj.core.api.Assertions.within;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.peft.bottleneck.AdapterFusion;
import org.attune.peft.bottleneck.AdapterFusionOptions;
import org.attune.peft.bottleneck.NonLinearity;
import org.attune.peft.bottleneck.Parallel;
import org.attune.peft.bottleneck.ParallelOptions;
import org.attune.peft.bottleneck.Pfeiffer;
import org.attune.peft.bottleneck.PfeifferOptions;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.plugin.AdapterBench;
import org.attune.training.Adapter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Attention over adapters that were trained before; that it computes what its paper says is in the golden traces. */
class AdapterFusionTest {
    private static final PfeifferOptions FIRST = new PfeifferOptions(2, NonLinearity.SILU, 1, List.of());
    private static final PfeifferOptions SECOND = new PfeifferOptions(4, NonLinearity.TANH, 2, List.of());

    private final AdapterFusion fusion = new AdapterFusion();

    private static AdapterBench bench(PfeifferOptions options, boolean normed) {
        return AdapterBench.of(e -> new TinyBlocks(e, normed), new Pfeiffer(), options, Map.of());
    }

    private static <O extends Record> Map<String, Object> written(Adapter<O> adapter, O options) {
        try (TinyBlocks model = new TinyBlocks(new ReferenceEngine(), true)) {
            Map<String, Object> config =
                    new LinkedHashMap<>(adapter.peft().orElseThrow().write(options, model));
            config.put("peft_type", adapter.peft().orElseThrow().type());
            return config;
        }
    }

    private AdapterFusionOptions options(double regularization) {
        Map<String, Map<String, Object>> parts = new LinkedHashMap<>();
        parts.put("z", written(new Pfeiffer(), FIRST));
        parts.put("a", written(new Pfeiffer(), SECOND));
        AdapterFusionOptions found = fusion.composition().orElseThrow().options(parts);
        return new AdapterFusionOptions(
                found.reductionFactor(), found.nonLinearity(), found.scaling(), found.layers(), regularization);
    }

    /** The parameters of two trained adapters under the names that fusion gives them. */
    private Map<String, double[]> saved(boolean normed) {
        Map<String, double[]> saved = new LinkedHashMap<>();
        Map.of("z", FIRST, "a", SECOND).forEach((part, options) -> {
            try (AdapterBench bench = bench(options, normed)) {
                bench.stir();
                bench.parameters()
                        .all()
                        .forEach((name, t) -> fusion.composition()
                                .orElseThrow()
                                .name(part, name)
                                .ifPresent(ours -> saved.put(ours, t.toDoubles())));
            }
        });
        return saved;
    }

    private AdapterBench fused(boolean normed, double regularization) {
        return AdapterBench.of(e -> new TinyBlocks(e, normed), fusion, options(regularization), saved(normed));
    }

    @Test
    void theOptionsOfTheAdaptersComeFromTheirFoldersInOrder() {
        AdapterFusionOptions options = options(0.01);
        assertThat(options.reductionFactor()).containsExactly(Map.entry("z", 2.0), Map.entry("a", 4.0));
        assertThat(options.nonLinearity()).containsEntry("z", NonLinearity.SILU).containsEntry("a", NonLinearity.TANH);
        assertThat(options.scaling()).containsEntry("a", 2.0);
        assertThat((Object) fusion.peft().orElseThrow().read(written(fusion, options)))
                .isEqualTo(options);
    }

    @Test
    void trainedAdaptersStayAsTheyAre() {
        try (AdapterBench bench = fused(true, 0.01)) {
            assertThat(bench.parameters().all())
                    .containsKeys(saved(true).keySet().toArray(String[]::new));
            assertThat(bench.parameters().trained().keySet()).allMatch(name -> name.contains(".ffn.fusion."));
            assertThat(bench.parameters().count()).isEqualTo(2 * (3 * 8 * 8 + 2 * 8));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void gradientsAreThoseOfFiniteDifferences(boolean normed) {
        try (AdapterBench bench = fused(normed, 0.01)) {
            bench.stir();
            bench.gradients().forEach((name, gradient) -> {
                Tensor t = bench.parameters().all().get(name);
                double[] at = t.toDoubles();
                for (int i = 0; i < at.length; i++) {
                    assertThat(gradient[i])
                            .as("%s[%d]", name, i)
                            .isCloseTo(bench.slope(t, at, i), offset(2e-6 * (1 + Math.abs(gradient[i]))));
                }
                if (!name.endsWith(".key.bias")) { // which no score sees
                    assertThat(gradient).as(name).isNotEqualTo(new double[gradient.length]);
                }
            });
        }
    }

    /** Beginning: off the diagonal 1e-6 in each of two matrices of 8 x 8. */
    @Test
    void theLossGrowsWithTheDistanceOfTheValueMatricesFromTheIdentity() {
        try (AdapterBench with = fused(true, 0.5);
                AdapterBench without = fused(true, 0)) {
            assertThat(with.loss() - without.loss()).isCloseTo(0.5 * 2 * 56 * 1e-12, within(1e-12));
            for (AdapterBench bench : List.of(with, without)) {
                bench.parameters()
                        .all()
                        .get("tiny.layer.1.ffn.fusion.value.weight")
                        .set(new double[64]);
            }
            assertThat(with.loss() - without.loss()).isCloseTo(0.5 * 8, within(1e-9));
        }
    }

    /** With one adapter its weight is 1 and the value matrix passes on what it gives, but for 1e-6 of the others' sum. */
    @Test
    void oneAdapterAloneIsThatAdapter() {
        Map<String, double[]> saved = saved(true);
        saved.keySet().removeIf(name -> name.contains(".adapter.a."));
        AdapterFusionOptions one = new AdapterFusionOptions(
                Map.of("z", 2.0), Map.of("z", NonLinearity.SILU), Map.of("z", 1.0), List.of(), 0);
        try (AdapterBench fused = AdapterBench.of(e -> new TinyBlocks(e, true), fusion, one, saved);
                AdapterBench alone = bench(FIRST, true)) {
            alone.stir();
            assertThat(fused.hidden()).isNotEqualTo(fused.bareHidden()).containsExactly(alone.hidden(), within(1e-4));
        }
    }

    @Test
    void whatIsMissingOrDoesNotFitIsNamed() {
        assertThatThrownBy(() -> AdapterBench.of(e -> new TinyBlocks(e, true), fusion, options(0), Map.of()))
                .isInstanceOf(UserError.class)
                .hasMessage("no saved adapter gives 'tiny.layer.0.ffn.adapter.z.down.weight' a value");
        AdapterFusionOptions nothing = new AdapterFusionOptions(Map.of(), Map.of(), Map.of(), List.of(), 0);
        assertThatThrownBy(() -> AdapterBench.of(e -> new TinyBlocks(e, true), fusion, nothing, Map.of()))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("no trained adapters are named; give their folders");
        ParallelOptions parallel = new ParallelOptions(2, NonLinearity.RELU, 4, false, List.of());
        assertThatThrownBy(() ->
                        fusion.composition().orElseThrow().options(Map.of("p", written(new Parallel(), parallel))))
                .isInstanceOf(Adapter.UnsupportedMethod.class)
                .hasMessage("adapter_config.json has locations=[ffn], adapter_input=x, parallel=true, which the adapter"
                        + " adapter-fusion over 'p' does not support");
        assertThatThrownBy(() -> new AdapterFusionOptions(Map.of("a", 2.0), Map.of(), Map.of(), List.of(), 0))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("name different adapters: [a], [], []");
    }

    @Test
    void headsAreLeftBehind() {
        Adapter.Composition<AdapterFusionOptions> composition =
                fusion.composition().orElseThrow();
        assertThat(composition.name("a", "bert.encoder.layer.0.output.adapter.down.weight"))
                .contains("bert.encoder.layer.0.output.adapter.a.down.weight");
        assertThat(composition.name("a", "classifier.weight")).isEmpty();
    }
}
