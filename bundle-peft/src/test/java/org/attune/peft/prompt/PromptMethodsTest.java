package org.attune.peft.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.attune.model.AttachPoint;
import org.attune.peft.bottleneck.NonLinearity;
import org.attune.peft.prompt.PromptEncoderOptions.Encoder;
import org.attune.peft.prompt.PromptTuningOptions.Init;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.testkit.plugin.AdapterBench;
import org.attune.training.Adapter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the methods that put something before a sequence promise; that they compute what PEFT does is in the golden traces. */
class PromptMethodsTest {
    private record Method<O extends Record>(String name, Adapter<O> adapter, O options, boolean causal) {
        Method(String name, Adapter<O> adapter, O options) {
            this(name, adapter, options, true);
        }

        AdapterBench bench() {
            return bench(Map.of());
        }

        AdapterBench bench(Map<String, double[]> restored) {
            return AdapterBench.of(engine -> new TinyTransformer(engine, causal), adapter, options, restored);
        }

        Map<String, double[]> saved(AdapterBench bench) {
            return bench.saved(adapter, options);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static Stream<Method<?>> methods() {
        return Stream.of(
                new Method<>("prefix-tuning", new PrefixTuning(), new PrefixTuningOptions(3, false, 0)),
                new Method<>("prefix-tuning, projected", new PrefixTuning(), new PrefixTuningOptions(3, true, 5)),
                new Method<>("prompt-tuning", new PromptTuning(), new PromptTuningOptions(3, Init.VOCABULARY, "")),
                new Method<>("prompt-tuning, random", new PromptTuning(), new PromptTuningOptions(3, Init.RANDOM, "")),
                new Method<>("p-tuning", new PTuning(), new PromptEncoderOptions(3, Encoder.MLP, 5, 2)),
                new Method<>("p-tuning, lstm", new PTuning(), new PromptEncoderOptions(3, Encoder.LSTM, 2, 2)));
    }

    /** With those that PEFT has not. */
    private static Stream<Method<?>> all() {
        return Stream.concat(
                methods(),
                Stream.of(
                        new Method<>("mam", new Mam(), new MamOptions(2, 3, 2, NonLinearity.TANH, 4, List.of(1))),
                        new Method<>(
                                "unipelt",
                                new Unipelt(),
                                new UnipeltOptions(2, 2, List.of("query", "value"), 2, NonLinearity.TANH, 1.5, false),
                                false)));
    }

    @ParameterizedTest
    @MethodSource("all")
    void gradientsAreThoseOfFiniteDifferences(Method<?> method) {
        try (AdapterBench bench = method.bench()) {
            bench.stir();
            bench.gradients().forEach((name, gradient) -> {
                Tensor t = bench.parameters().all().get(name);
                double[] at = t.toDoubles();
                for (int i = 0; i < at.length; i++) {
                    assertThat(gradient[i])
                            .as("%s[%d]", name, i)
                            .isCloseTo(bench.slope(t, at, i), offset(2e-6 * (1 + Math.abs(gradient[i]))));
                }
                assertThat(gradient).as(name).isNotEqualTo(new double[gradient.length]);
            });
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    void whatWasSavedGoesOn(Method<?> method) {
        try (AdapterBench bench = method.bench()) {
            bench.stir();
            Map<String, double[]> saved = method.saved(bench);
            try (AdapterBench again = method.bench(saved)) {
                assertThat(again.hidden()).isEqualTo(bench.hidden());
                assertThat(again.parameters().all().keySet())
                        .isEqualTo(bench.parameters().all().keySet());
                assertThat(again.parameters().unclaimed()).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("methods")
    void whatPeftKeepsOfAMethodDoesTheSame(Method<?> method) {
        try (AdapterBench bench = method.bench()) {
            bench.stir();
            Map<String, double[]> kept = new HashMap<>(method.saved(bench));
            kept.keySet().removeIf(name -> name.startsWith("prompt_encoder."));
            assertThat(kept).containsOnlyKeys("prompt_embeddings");
            try (AdapterBench again = method.bench(kept)) {
                double[] hidden = again.hidden();
                double[] expected = bench.hidden();
                for (int i = 0; i < hidden.length; i++) {
                    assertThat(hidden[i]).isCloseTo(expected[i], offset(1e-12));
                }
                assertThat(again.parameters().trained()).containsOnlyKeys("prompt_embeddings");
            }
        }
    }

    /** Of RoBERTa-large, and of a base model of 12 layers 768 wide, as the papers count. */
    @Test
    void parametersAreAsManyAsThePapersCount() {
        assertThat(count(new PrefixTuning(), new PrefixTuningOptions(128, false, 0), 24, 16))
                .isEqualTo(6_291_456);
        assertThat(count(new PromptTuning(), new PromptTuningOptions(100, Init.VOCABULARY, ""), 12, 12))
                .isEqualTo(76_800);
    }

    /** @param heads 64 wide each */
    private static <O extends Record> long count(Adapter<O> adapter, O options, int layers, int heads) {
        List<AttachPoint> points = new ArrayList<>();
        points.add(new AttachPoint("words", AttachPoint.Kind.EMBEDDING, 50_265, 64 * heads));
        for (int i = 0; i < layers; i++) {
            points.add(new AttachPoint("layer." + i + ".attention", AttachPoint.Kind.ATTENTION, heads, 64));
        }
        long[] count = new long[1];
        adapter.attach(options, (Adapter.Attachment) Proxy.newProxyInstance(
                PromptMethodsTest.class.getClassLoader(),
                new Class<?>[] {Adapter.Attachment.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "points" -> points;
                    case "words" -> points.get(0);
                    case "known" -> false;
                    case "parameter" -> {
                        count[0] += ((Shape) arguments[1]).size();
                        yield null;
                    }
                    default -> null;
                }));
        return count[0];
    }

    @Test
    void gatesThatReadWholeSequencesAreForEncoders() {
        Method<?> unipelt = new Method<>(
                "unipelt", new Unipelt(), new UnipeltOptions(2, 2, List.of("query"), 2, NonLinearity.RELU, 1, false));
        assertThatThrownBy(unipelt::bench)
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("the tokens of a tiny see those before them alone");
    }

    @Test
    void aModelWithoutAttentionHasNoPlaceForAPrefix() {
        List<AttachPoint> points = List.of(new AttachPoint("words", AttachPoint.Kind.EMBEDDING, 5, 4));
        assertThatThrownBy(() -> LayerPrefix.layers("prefix-tuning", points))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("prefix-tuning: the model's attentions, 0,");
    }
}
