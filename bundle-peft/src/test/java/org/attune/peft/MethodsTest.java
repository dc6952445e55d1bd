package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.attune.model.AttachPoint;
import org.attune.model.LinearMap;
import org.attune.model.LinearTransform;
import org.attune.model.Model;
import org.attune.peft.bottleneck.Compacter;
import org.attune.peft.bottleneck.CompacterOptions;
import org.attune.peft.bottleneck.Houlsby;
import org.attune.peft.bottleneck.HoulsbyOptions;
import org.attune.peft.bottleneck.NonLinearity;
import org.attune.peft.bottleneck.Parallel;
import org.attune.peft.bottleneck.ParallelOptions;
import org.attune.peft.bottleneck.Pfeiffer;
import org.attune.peft.bottleneck.PfeifferOptions;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Adapter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What every method promises; that it computes what its paper says is in the golden traces. */
class MethodsTest {
    private static final List<String> BOTH = List.of("query", "value");

    /** A method with options that reach each branch of it: 4 to 6 wide and 6 to 3. */
    private record Method<O extends Record>(
            String name, Function<TensorEngine, Model> model, Adapter<O> adapter, O options) {
        /** On the model of linear maps alone. */
        Method(String name, Adapter<O> adapter, O options) {
            this(name, TinyModel::new, adapter, options);
        }

        Bench bench() {
            return new Bench(new ReferenceEngine(), model, adapter, options, Map.of());
        }

        Map<String, Object> written(Bench bench) {
            return adapter.peft().orElseThrow().write(options, bench.model);
        }

        O read(Map<String, Object> config) {
            return adapter.peft().orElseThrow().read(config);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /** Methods over linear maps, which can be merged and begin from the base model. */
    private static Stream<Method<?>> linear() {
        return Stream.of(
                new Method<>("lora", new Lora(), new LoraOptions(2, 6, 0, BOTH, false)),
                new Method<>("adalora", new Adalora(), adalora(Map.of())),
                new Method<>("adalora-pruned", new Adalora(), adalora(Map.of("tiny.layer.0.query", 1))),
                new Method<>("aflora", new Aflora(), aflora(true)),
                new Method<>("pissa", new Lora(), started(LoraOptions.Start.PISSA)),
                new Method<>("olora", new Lora(), started(LoraOptions.Start.OLORA)),
                new Method<>("dora", new Dora(), new LoraOptions(2, 6, 0, BOTH, false)),
                new Method<>(
                        "gralora", new Gralora(), new GraloraOptions(4, 6, 2, 0, 0, List.of("query"), Selection.ALL)),
                new Method<>(
                        "gralora-hybrid",
                        new Gralora(),
                        new GraloraOptions(4, 6, 2, 2, 0, List.of("query"), Selection.ALL)),
                new Method<>("hra", new Hra(), new HraOptions(2, BOTH, Selection.ALL)),
                new Method<>("ia3", new Ia3(), new Ia3Options(BOTH, List.of("value"), Selection.ALL)),
                new Method<>("loha", new Loha(), new LohaOptions(2, 6, BOTH, Selection.ALL)),
                new Method<>("lokr", new Lokr(), new LokrOptions(2, 6, false, -1, BOTH, Selection.ALL)),
                new Method<>("lokr-both", new Lokr(), new LokrOptions(1, 6, true, 3, BOTH, Selection.ALL)),
                new Method<>("miss", new Miss(), new MissOptions(4, 0, BOTH, Selection.ALL)),
                new Method<>("oft", new Oft(), new OftOptions(2, false, 0, BOTH, Selection.ALL)),
                new Method<>("oft-shared-series", new Oft(), new OftOptions(2, true, 5, BOTH, Selection.ALL)),
                new Method<>("vera", new Vera(), new VeraOptions(3, 0.1, 0, BOTH, Selection.ALL)));
    }

    private static LoraOptions started(LoraOptions.Start init) {
        return new LoraOptions(2, 6, 0, BOTH, false, Selection.ALL, Map.of(), Map.of(), init, LoraOptions.Bias.NONE, 1);
    }

    /** Methods that add to residual sums: of 8 to 4 or 2 wide. */
    private static Stream<Method<?>> residual() {
        return Stream.of(true, false)
                .flatMap(normed -> Stream.of(
                        blocks(
                                normed,
                                "houlsby",
                                new Houlsby(),
                                new HoulsbyOptions(2, NonLinearity.SILU, 1, List.of())),
                        blocks(
                                normed,
                                "pfeiffer",
                                new Pfeiffer(),
                                new PfeifferOptions(4, NonLinearity.TANH, 1.5, List.of(1))),
                        blocks(normed, "compacter", new Compacter(), compacter(true, CompacterOptions.Wiring.HOULSBY)),
                        blocks(
                                normed,
                                "compacter-own",
                                new Compacter(),
                                compacter(false, CompacterOptions.Wiring.PFEIFFER)),
                        blocks(normed, "learned", new Parallel(), parallel(true))));
    }

    private static <O extends Record> Method<O> blocks(boolean normed, String name, Adapter<O> adapter, O options) {
        return new Method<>(
                name + (normed ? "" : "-pre-norm"), engine -> new TinyBlocks(engine, normed), adapter, options);
    }

    private static CompacterOptions compacter(boolean first, CompacterOptions.Wiring wiring) {
        return new CompacterOptions(2, NonLinearity.GELU, wiring, 2, 1, first, !first, first, 1, List.of());
    }

    private static ParallelOptions parallel(boolean learned) {
        return new ParallelOptions(2, NonLinearity.RELU, 4, learned, List.of());
    }

    private static Stream<Method<?>> methods() {
        return Stream.concat(linear(), residual());
    }

    private static Stream<Method<?>> identities() {
        return Stream.concat(linear(), Stream.of(blocks(true, "parallel", new Parallel(), parallel(false))));
    }

    private static AdaloraOptions adalora(Map<String, Integer> ranks) {
        return new AdaloraOptions(3, 2, 6, 0, 2, 3, 1, 0.8, 0.9, 0.5, BOTH, Selection.ALL, ranks);
    }

    private static AfloraOptions aflora(boolean square) {
        AfloraOptions.Schedule cubic = AfloraOptions.Schedule.CUBIC;
        return new AfloraOptions(2, 1.5, 0, square, cubic, 2, 3, 2, 0.8, 0.9, BOTH, Selection.ALL);
    }

    @ParameterizedTest
    @MethodSource("identities")
    void startsFromTheBaseModel(Method<?> method) {
        try (Bench bench = method.bench()) {
            assertClose(bench.hidden(), bench.bareHidden(), 1e-13);
        }
    }

    @ParameterizedTest
    @MethodSource("methods")
    void gradientsAreThoseOfFiniteDifferences(Method<?> method) {
        try (Bench bench = method.bench()) {
            bench.stir();
            bench.gradients().forEach((name, gradient) -> {
                // DoRA's lengths are constants for the gradient, by its section 4.3.
                if (!method.name().equals("dora") || name.endsWith("magnitude_vector")) {
                    Tensor t = bench.parameters.all().get(name);
                    double[] at = t.toDoubles();
                    for (int i = 0; i < at.length; i++) {
                        assertThat(gradient[i])
                                .as("%s[%d]", name, i)
                                .isCloseTo(bench.slope(t, at, i), offset(2e-6 * (1 + Math.abs(gradient[i]))));
                    }
                    assertThat(gradient).as(name).isNotEqualTo(new double[gradient.length]);
                }
            });
        }
    }

    @ParameterizedTest
    @MethodSource("linear")
    void mergedMapsDoTheSame(Method<?> method) {
        try (Bench bench = method.bench()) {
            bench.stir();
            double[] adapted = bench.hidden();
            assertThat(adapted).isNotEqualTo(bench.bareHidden());
            Map<String, Tensor> weights = bench.model.weights();
            for (AttachPoint point : bench.model.attachPoints()) {
                LinearMap map =
                        new LinearMap(weights.get(point.path() + ".weight"), weights.get(point.path() + ".bias"));
                for (LinearTransform transform : bench.wiring.linear(point.path())) {
                    map = transform.merged(map).orElseThrow();
                }
                if (point.kind() == AttachPoint.Kind.LINEAR) {
                    weights.get(point.path() + ".weight").set(map.weight().toDoubles());
                    weights.get(point.path() + ".bias").set(map.bias().toDoubles());
                }
            }
            assertClose(bench.bareHidden(), adapted, 1e-12);
        }
    }

    @ParameterizedTest
    @MethodSource("methods")
    void configurationsAreReadAsTheyAreWritten(Method<?> method) {
        try (Bench bench = method.bench()) {
            Map<String, Object> config = method.written(bench);
            assertThat((Object) method.read(config)).isEqualTo(method.options());

            Map<String, Object> unknown = new HashMap<>(config);
            unknown.put("a_field_of_next_year", 1);
            assertThatThrownBy(() -> method.read(unknown))
                    .isInstanceOf(Adapter.UnsupportedMethod.class)
                    .hasMessageContaining("a_field_of_next_year=1");
        }
    }

    @Test
    void kroneckerFactorsAreThoseOfPeft() {
        Map<Integer, Integer> smaller = new LinkedHashMap<>();
        for (int n : List.of(1, 7, 64, 96, 128, 256, 384, 576, 1536)) {
            smaller.put(n, Lokr.smallerSide(n, -1));
        }
        assertThat(smaller).isEqualTo(Map.of(1, 1, 7, 1, 64, 8, 96, 8, 128, 8, 256, 16, 384, 16, 576, 24, 1536, 32));
        assertThat(Lokr.smallerSide(128, 4)).isEqualTo(4);
        assertThat(Lokr.smallerSide(96, 5)).isEqualTo(4);
    }

    @Test
    void blocksThatDoNotFitAreRefused() {
        GraloraOptions options = new GraloraOptions(4, 6, 2, 0, 0, List.of("value"), Selection.ALL);
        assertThatThrownBy(() -> new Bench(new Gralora(), options))
                .isInstanceOf(UserError.class)
                .hasMessage("gralora: blocks is 2, which does not divide tiny.layer.1.value [3, 6]");
        assertThatThrownBy(() -> new GraloraOptions(5, 6, 2, 0, 0, BOTH, Selection.ALL))
                .hasMessage("rank is 5, expected a multiple of blocks, which is 2");
    }

    @Test
    void verasMatricesAreKeptButNotTrained() {
        try (Bench bench = new Bench(new Vera(), new VeraOptions(3, 0.1, 0, BOTH, Selection.ALL))) {
            assertThat(bench.parameters.all()).containsKeys("base_model.vera_A", "base_model.vera_B");
            assertThat(bench.parameters.trained())
                    .containsOnlyKeys(
                            "tiny.layer.0.query.vera_lambda_d",
                            "tiny.layer.0.query.vera_lambda_b",
                            "tiny.layer.1.value.vera_lambda_d",
                            "tiny.layer.1.value.vera_lambda_b");
            assertThat(bench.parameters.count()).isEqualTo(3 + 6 + 3 + 3);
        }
    }

    @Test
    void rowsOfTrainedTokensTakeThePlaceOfTheBaseModels() {
        TrainableTokensOptions options = new TrainableTokensOptions(List.of(4, 1), List.of());
        try (Bench bench = new Bench(new TrainableTokens(), options)) {
            assertClose(bench.hidden(), bench.bareHidden(), 0);
            bench.stir();
            Tensor rows = bench.parameters.all().get("tiny.embeddings.trainable_tokens_delta");
            assertThat(rows.shape()).isEqualTo(Shape.of(2, 4));
            double[] gradient = bench.gradients().get("tiny.embeddings.trainable_tokens_delta");
            for (int i = 0; i < gradient.length; i++) {
                assertThat(gradient[i]).isCloseTo(bench.slope(rows, rows.toDoubles(), i), offset(1e-6));
            }
            double[] adapted = bench.hidden();
            Tensor table = bench.model.weights().get("tiny.embeddings.weight");
            double[] merged = Scope.inference(
                    table.engine(),
                    () -> bench.wiring
                            .outputs("tiny.embeddings")
                            .get(0)
                            .merged(table)
                            .orElseThrow()
                            .toDoubles());
            table.set(merged);
            assertClose(bench.bareHidden(), adapted, 0);
        }
        assertThatThrownBy(() -> new Bench(new TrainableTokens(), new TrainableTokensOptions(List.of(5), List.of())))
                .hasMessage("trainable-tokens: token 5 is not among the 5 of tiny.embeddings");
    }

    @Test
    void bitfitTrainsBiasesAlone() {
        try (Bench bench = new Bench(new Bitfit(), new BitfitOptions(BitfitOptions.Biases.ALL, true))) {
            assertThat(bench.parameters.all()).containsOnlyKeys("tiny.layer.0.query.bias", "tiny.layer.1.value.bias");
        }
        BitfitOptions half = new BitfitOptions(BitfitOptions.Biases.QUERY_AND_INTERMEDIATE, true);
        try (Bench bench = new Bench(new Bitfit(), half)) {
            assertThat(bench.parameters.all()).containsOnlyKeys("tiny.layer.0.query.bias");
            assertThat(bench.parameters.all().get("tiny.layer.0.query.bias").shape())
                    .isEqualTo(Shape.of(6));
        }
    }

    /** As METHODS says of RoBERTa-base, 12 layers of 768, without the norms; and by the formulas of the papers. */
    @ParameterizedTest
    @MethodSource("counted")
    void asManyNumbersAreTrainedAsThePapersCount(Method<?> method, long expected) {
        try (Bench bench = method.bench()) {
            assertThat(bench.parameters.count()).isEqualTo(expected);
        }
    }

    private static Stream<Arguments> counted() {
        int k = 768 / 32;
        return Stream.of(
                Arguments.of(large(new Pfeiffer(), new PfeifferOptions(16, NonLinearity.RELU, 1, List.of())), 894_528),
                Arguments.of(
                        large(new Pfeiffer(), new PfeifferOptions(16, NonLinearity.RELU, 1, List.of(0, 11))), 149_088),
                Arguments.of(
                        large(new Houlsby(), new HoulsbyOptions(16, NonLinearity.SILU, 1, List.of())), 2 * 894_528),
                Arguments.of(
                        large(new Parallel(), new ParallelOptions(2, NonLinearity.RELU, 4, true, List.of())),
                        12 * (2 * 768 * 384 + 768 + 384 + 1)),
                Arguments.of(
                        large(
                                new Compacter(),
                                new CompacterOptions(
                                        32,
                                        NonLinearity.GELU,
                                        CompacterOptions.Wiring.HOULSBY,
                                        4,
                                        1,
                                        true,
                                        false,
                                        true,
                                        1,
                                        List.of())),
                        24 * (2 * (768 + k) + 768 + k) + 64));
    }

    private static <O extends Record> Method<O> large(Adapter<O> adapter, O options) {
        return new Method<>(
                adapter.getClass().getSimpleName(), engine -> new TinyBlocks(engine, true, 12, 768), adapter, options);
    }

    @Test
    void matricesThatDoNotFallIntoBlocksAndLayersThatAreNotThereAreRefused() {
        CompacterOptions five = new CompacterOptions(
                2, NonLinearity.GELU, CompacterOptions.Wiring.PFEIFFER, 3, 1, true, false, true, 1, List.of());
        assertThatThrownBy(() -> blocks(true, "", new Compacter(), five).bench())
                .isInstanceOf(UserError.class)
                .hasMessage("phm_dim is 3, which does not divide tiny.layer.0.ffn.adapter.down [4, 8]; choose another"
                        + " reduction_factor or phm_dim");
        PfeifferOptions beyond = new PfeifferOptions(2, NonLinearity.RELU, 1, List.of(1, 2));
        assertThatThrownBy(() -> blocks(true, "", new Pfeiffer(), beyond).bench())
                .isInstanceOf(UserError.class)
                .hasMessage("layers has 2, but the model's are numbered 0 to 1");
        PfeifferOptions all = new PfeifferOptions(2, NonLinearity.RELU, 1, List.of());
        assertThatThrownBy(() -> new Bench(new Pfeiffer(), all))
                .isInstanceOf(UserError.class)
                .hasMessage("the model has no residual sums that an adapter could add to");
    }

    /** A configuration that means one of the methods means none of the others. */
    @Test
    void aConfigurationIsReadByTheMethodThatItMeans() {
        residual().forEach(method -> {
            try (Bench bench = method.bench()) {
                Map<String, Object> config = method.written(bench);
                List<String> readers = Stream.of(new Houlsby(), new Pfeiffer(), new Parallel(), new Compacter())
                        .filter(adapter -> reads(adapter, config))
                        .map(adapter -> adapter.getClass().getSimpleName())
                        .toList();
                assertThat(readers).containsExactly(method.adapter().getClass().getSimpleName());
            }
        });
    }

    private static boolean reads(Adapter<?> adapter, Map<String, Object> config) {
        try {
            adapter.peft().orElseThrow().read(config);
            return true;
        } catch (Adapter.UnsupportedMethod e) {
            return false;
        }
    }

    private static void assertClose(double[] ours, double[] expected, double allowed) {
        assertThat(ours).hasSameSizeAs(expected);
        for (int i = 0; i < ours.length; i++) {
            assertThat(ours[i]).as("element %d", i).isCloseTo(expected[i], offset(allowed));
        }
    }
}
