package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Wiring;
import org.attune.model.AttachPoint;
import org.attune.model.AttachPoint.Kind;
import org.attune.model.LinearNames;
import org.attune.model.Model;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Adapter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** How many numbers methods train in RoBERTa-base and DeBERTaV3-base, of which the attach points are there: as the papers say. */
class SizesTest {
    private static final List<String> BOTH = List.of("query", "value");

    private final TensorEngine engine = new ReferenceEngine();
    private final Map<String, Tensor> weights = new LinkedHashMap<>();
    private final List<AttachPoint> points = new ArrayList<>();

    SizesTest() {
        point("embeddings.LayerNorm", Kind.NORM, 768, 768);
        for (int l = 0; l < 12; l++) {
            String layer = "encoder.layer." + l;
            for (String map : List.of("self.query", "self.key", "self.value", "output.dense")) {
                point(layer + ".attention." + map, Kind.LINEAR, 768, 768);
            }
            point(layer + ".attention.output.LayerNorm", Kind.NORM, 768, 768);
            point(layer + ".intermediate.dense", Kind.LINEAR, 768, 3072);
            point(layer + ".output.dense", Kind.LINEAR, 3072, 768);
            point(layer + ".output.LayerNorm", Kind.NORM, 768, 768);
        }
        Tensor matrix = Tensor.zeros(engine, Shape.of(768, 768));
        Tensor vector = Tensor.zeros(engine, Shape.of(768));
        for (AttachPoint point : points) {
            boolean norm = point.kind() == Kind.NORM;
            if (norm || point.path().endsWith("query") || point.path().endsWith("value")) {
                weights.put(point.path() + ".weight", norm ? vector : matrix);
                weights.put(point.path() + ".bias", vector);
            }
        }
    }

    private void point(String path, Kind kind, int in, int out) {
        points.add(new AttachPoint(path, kind, in, out));
    }

    @AfterEach
    void free() {
        weights.values().stream().distinct().forEach(Tensor::close);
    }

    private <O extends Record> ParameterStore attached(Adapter<O> adapter, O options) {
        Model model = (Model) Proxy.newProxyInstance(
                Model.class.getClassLoader(),
                new Class<?>[] {Model.class},
                (proxy, method, args) -> switch (method.getName()) {
                    case "attachPoints" -> points;
                    case "linearNames" -> LinearNames.NONE;
                    case "weights" -> weights;
                    case "tied" -> Map.of();
                    case "classifierPath" -> "classifier";
                    case "languageHead", "maskedHead" -> Optional.empty();
                    default -> throw new UnsupportedOperationException(method.getName());
                });
        ParameterStore parameters = new ParameterStore(engine, model, 0);
        adapter.attach(options, new Wiring(model).attachment(parameters.claim(Optional.empty())));
        return parameters;
    }

    private record Method<O extends Record>(Adapter<O> adapter, O options) {}

    private static Stream<Arguments> methods() {
        LoraOptions lora = new LoraOptions(8, 16, 0, BOTH, false);
        Ia3Options ia3 = new Ia3Options(
                List.of(".*(key|value|layer\\.\\d+\\.output\\.dense)"),
                List.of(".*layer\\.\\d+\\.output\\.dense"),
                Selection.ALL);
        return Stream.of(
                Arguments.of(new Method<>(new Lora(), lora), 294_912),
                Arguments.of(
                        new Method<>(new Gralora(), new GraloraOptions(8, 16, 2, 0, 0, BOTH, Selection.ALL)), 294_912),
                Arguments.of(new Method<>(new Dora(), lora), 294_912 + 18_432),
                Arguments.of(new Method<>(new Vera(), new VeraOptions(1024, 0.1, 0, BOTH, Selection.ALL)), 43_008),
                Arguments.of(new Method<>(new Ia3(), ia3), 55_296),
                Arguments.of(new Method<>(new LnTuning(), new LnTuningOptions(List.of(), Selection.ALL)), 38_400));
    }

    @ParameterizedTest
    @MethodSource("methods")
    void asManyNumbersAreTrainedAsThePapersCount(Method<?> method, long expected) {
        try (ParameterStore parameters = attached(method)) {
            assertThat(parameters.count()).isEqualTo(expected);
        }
    }

    private <O extends Record> ParameterStore attached(Method<O> method) {
        return attached(method.adapter(), method.options());
    }

    /** The mean over a run of 20 or 10 epochs with the settings of its authors is what the paper calls .14 million. */
    @Test
    void afloraTrainsLessAndLess() {
        AfloraOptions.Schedule cubic = AfloraOptions.Schedule.CUBIC;
        AfloraOptions options = new AfloraOptions(
                4, 1, 0, false, cubic, 0.05, 0.7, 10, 0.85, 0.95, List.of("all-linear"), Selection.ALL);
        try (ParameterStore parameters = attached(new Aflora(), options)) {
            assertThat(parameters.count()).isEqualTo(451_872);
            long vectors = parameters.trained().entrySet().stream()
                    .filter(e -> e.getKey().contains("aflora_lambda"))
                    .mapToLong(e -> e.getValue().shape().size())
                    .sum();
            assertThat(vectors).isEqualTo(83_232); // what is left when all matrices are frozen
            long matrices = parameters.count() - vectors;
            assertThat(vectors + matrices * meanShare(cubic, 20, 14)).isCloseTo(124_704, within(1.0));
            assertThat(vectors + matrices * meanShare(cubic, 10, 7)).isCloseTo(138_528, within(1.0));
        }
    }

    /** Of the matrices, trained in the first epoch whole and not at all in the {@code last}. */
    private static double meanShare(AfloraOptions.Schedule schedule, int epochs, int last) {
        int steps = 100_000;
        DoubleStream falling = IntStream.range(0, steps).mapToDouble(i -> schedule.remaining((i + 0.5) / steps));
        return (1 + (epochs - 1 - last) * falling.average().orElseThrow()) / epochs;
    }
}
