package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
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
import org.attune.peft.prompt.Mam;
import org.attune.peft.prompt.MamOptions;
import org.attune.peft.prompt.PTuning;
import org.attune.peft.prompt.PrefixTuning;
import org.attune.peft.prompt.PrefixTuningOptions;
import org.attune.peft.prompt.PromptEncoderOptions;
import org.attune.peft.prompt.PromptTuning;
import org.attune.peft.prompt.PromptTuningOptions;
import org.attune.peft.prompt.Unipelt;
import org.attune.peft.prompt.UnipeltOptions;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.plugin.AdapterBench;
import org.attune.testkit.plugin.AdapterContract;
import org.attune.testkit.plugin.TinyTransformer;
import org.attune.training.Adapter;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
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

        AdapterBench bench() {
            return AdapterBench.of(model, adapter, options);
        }

        Map<String, Object> written(AdapterBench bench) {
            return adapter.peft().orElseThrow().write(options, bench.model());
        }

        AdapterContract<O> contract() {
            return AdapterContract.of(adapter, options).on(model);
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
                new Method<>("eva", new Lora(), started(LoraOptions.Start.EVA)),
                new Method<>(
                        "eva-white", new Lora(), started(LoraOptions.Start.EVA, new EvaOptions(1, 0.9, true, false))),
                new Method<>("dora-eva", new Dora(), started(LoraOptions.Start.EVA)),
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
        return started(init, EvaOptions.DEFAULT);
    }

    private static LoraOptions started(LoraOptions.Start init, EvaOptions eva) {
        return new LoraOptions(
                2, 6, 0, BOTH, false, Selection.ALL, Map.of(), Map.of(), init, LoraOptions.Bias.NONE, 1, eva);
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

    @TestFactory
    Stream<DynamicNode> everyMethodKeepsTheContract() {
        return Stream.of(
                        linear().map(m -> named(m, m.contract())),
                        residual()
                                .map(m -> named(
                                        m,
                                        m.name().startsWith("learned")
                                                ? m.contract().isNotMerged()
                                                : m.contract().startsElsewhere().isNotMerged())),
                        transformer().map(m -> named(m, m.contract())),
                        prompts()
                                .map(m ->
                                        named(m, m.contract().startsElsewhere().isNotMerged())))
                .flatMap(all -> all);
    }

    private static DynamicNode named(Method<?> method, AdapterContract<?> contract) {
        // DoRA's lengths are constants for the gradient, by its section 4.3.
        return DynamicContainer.dynamicContainer(
                method.name(),
                contract.definesTheGradientOf(
                                name -> method.name().startsWith("dora") && !name.endsWith("magnitude_vector"))
                        .tests());
    }

    /** The same on a transformer, and methods that act on its other modules. */
    private static Stream<Method<?>> transformer() {
        return Stream.of(
                inTransformer("lora", new Lora(), new LoraOptions(2, 6, 0, List.of("all-linear"), true)),
                inTransformer("dora", new Dora(), new LoraOptions(2, 6, 0, BOTH, false)),
                inTransformer("gralora", new Gralora(), new GraloraOptions(4, 6, 2, 2, 0, BOTH, Selection.ALL)),
                inTransformer(
                        "ia3",
                        new Ia3(),
                        new Ia3Options(List.of("key", "output.dense"), List.of("output.dense"), Selection.ALL)),
                inTransformer("vera", new Vera(), new VeraOptions(3, 0.1, 0, List.of("all-linear"), Selection.ALL)),
                inTransformer("oft", new Oft(), new OftOptions(4, false, 0, BOTH, Selection.ALL)),
                inTransformer("bitfit", new Bitfit(), new BitfitOptions(BitfitOptions.Biases.ALL, true)),
                inTransformer("ln-tuning", new LnTuning(), new LnTuningOptions(List.of("LayerNorm"), Selection.ALL)),
                inTransformer(
                        "trainable-tokens",
                        new TrainableTokens(),
                        new TrainableTokensOptions(List.of(4, 1), List.of())),
                inTransformer("full", new Full(), new FullOptions(List.of())));
    }

    private static Stream<Method<?>> prompts() {
        return Stream.of(
                inTransformer("prefix-tuning", new PrefixTuning(), new PrefixTuningOptions(3, false, 0)),
                inTransformer("prefix-tuning-projected", new PrefixTuning(), new PrefixTuningOptions(3, true, 5)),
                inTransformer(
                        "prompt-tuning",
                        new PromptTuning(),
                        new PromptTuningOptions(3, PromptTuningOptions.Init.VOCABULARY, "")),
                inTransformer(
                        "p-tuning", new PTuning(), new PromptEncoderOptions(3, PromptEncoderOptions.Encoder.MLP, 5, 2)),
                inTransformer("mam", new Mam(), new MamOptions(2, 3, 2, NonLinearity.TANH, 4, List.of(1))),
                inTransformer(
                        "unipelt", new Unipelt(), new UnipeltOptions(2, 2, BOTH, 2, NonLinearity.TANH, 1.5, false)));
    }

    private static <O extends Record> Method<O> inTransformer(String name, Adapter<O> adapter, O options) {
        return new Method<>(name + "-in-a-transformer", TinyTransformer::new, adapter, options);
    }

    private static AdaloraOptions adalora(Map<String, Integer> ranks) {
        return new AdaloraOptions(3, 2, 6, 0, 2, 3, 1, 0.8, 0.9, 0.5, BOTH, Selection.ALL, ranks);
    }

    private static AfloraOptions aflora(boolean square) {
        AfloraOptions.Schedule cubic = AfloraOptions.Schedule.CUBIC;
        return new AfloraOptions(2, 1.5, 0, square, cubic, 2, 3, 2, 0.8, 0.9, BOTH, Selection.ALL);
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
        assertThatThrownBy(() -> AdapterBench.of(TinyModel::new, new Gralora(), options))
                .isInstanceOf(UserError.class)
                .hasMessage("gralora: blocks is 2, which does not divide tiny.layer.1.value [3, 6]");
        assertThatThrownBy(() -> new GraloraOptions(5, 6, 2, 0, 0, BOTH, Selection.ALL))
                .hasMessage("rank is 5, expected a multiple of blocks, which is 2");
    }

    @Test
    void verasMatricesAreKeptButNotTrained() {
        try (AdapterBench bench =
                AdapterBench.of(TinyModel::new, new Vera(), new VeraOptions(3, 0.1, 0, BOTH, Selection.ALL))) {
            assertThat(bench.parameters().all()).containsKeys("base_model.vera_A", "base_model.vera_B");
            assertThat(bench.parameters().trained())
                    .containsOnlyKeys(
                            "tiny.layer.0.query.vera_lambda_d",
                            "tiny.layer.0.query.vera_lambda_b",
                            "tiny.layer.1.value.vera_lambda_d",
                            "tiny.layer.1.value.vera_lambda_b");
            assertThat(bench.parameters().count()).isEqualTo(3 + 6 + 3 + 3);
        }
    }

    @Test
    void rowsOfTrainedTokensTakeThePlaceOfTheBaseModels() {
        TrainableTokensOptions options = new TrainableTokensOptions(List.of(4, 1), List.of());
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new TrainableTokens(), options)) {
            assertClose(bench.hidden(), bench.bareHidden(), 0);
            bench.stir();
            Tensor rows = bench.parameters().all().get("tiny.embeddings.trainable_tokens_delta");
            assertThat(rows.shape()).isEqualTo(Shape.of(2, 4));
            double[] gradient = bench.gradients().get("tiny.embeddings.trainable_tokens_delta");
            for (int i = 0; i < gradient.length; i++) {
                assertThat(gradient[i]).isCloseTo(bench.slope(rows, rows.toDoubles(), i), offset(1e-6));
            }
            double[] adapted = bench.hidden();
            Tensor table = bench.model().weights().get("tiny.embeddings.weight");
            double[] merged = Scope.inference(
                    table.engine(),
                    () -> bench.wiring()
                            .outputs("tiny.embeddings")
                            .get(0)
                            .merged(table)
                            .orElseThrow()
                            .toDoubles());
            table.set(merged);
            assertClose(bench.bareHidden(), adapted, 0);
        }
        assertThatThrownBy(() -> AdapterBench.of(
                        TinyModel::new, new TrainableTokens(), new TrainableTokensOptions(List.of(5), List.of())))
                .hasMessage("trainable-tokens: token 5 is not among the 5 of tiny.embeddings");
    }

    @Test
    void bitfitTrainsBiasesAlone() {
        try (AdapterBench bench =
                AdapterBench.of(TinyModel::new, new Bitfit(), new BitfitOptions(BitfitOptions.Biases.ALL, true))) {
            assertThat(bench.parameters().all()).containsOnlyKeys("tiny.layer.0.query.bias", "tiny.layer.1.value.bias");
        }
        BitfitOptions half = new BitfitOptions(BitfitOptions.Biases.QUERY_AND_INTERMEDIATE, true);
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Bitfit(), half)) {
            assertThat(bench.parameters().all()).containsOnlyKeys("tiny.layer.0.query.bias");
            assertThat(bench.parameters().all().get("tiny.layer.0.query.bias").shape())
                    .isEqualTo(Shape.of(6));
        }
    }

    /** As METHODS says of RoBERTa-base, 12 layers of 768, without the norms; and by the formulas of the papers. */
    @ParameterizedTest
    @MethodSource("counted")
    void asManyNumbersAreTrainedAsThePapersCount(Method<?> method, long expected) {
        try (AdapterBench bench = method.bench()) {
            assertThat(bench.parameters().count()).isEqualTo(expected);
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
        assertThatThrownBy(() -> AdapterBench.of(TinyModel::new, new Pfeiffer(), all))
                .isInstanceOf(UserError.class)
                .hasMessage("the model has no residual sums that an adapter could add to");
    }

    /** A configuration that means one of the methods means none of the others. */
    @Test
    void aConfigurationIsReadByTheMethodThatItMeans() {
        residual().forEach(method -> {
            try (AdapterBench bench = method.bench()) {
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
