package org.attune.kernel.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.attune.kernel.spec.Averaging;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.TensorFile;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WeightAverageTest {
    private static final Parallel IN_ORDER = (n, task) -> IntStream.range(0, n).forEach(task);

    private final TensorEngine engine = new ReferenceEngine();

    /** PyTorch's AveragedModel along the steps of AdamW; expected values by make_extras.py. */
    @ParameterizedTest
    @ValueSource(strings = {"ema-0.9", "swa"})
    void equalsPyTorch(String name) {
        Averaging settings = name.equals("swa") ? new Averaging.Swa(0, 1) : new Averaging.Ema(0.9, 1);
        try (TensorFile file = TensorFile.open(Golden.path("optim/optim.safetensors"));
                WeightAverage average = new WeightAverage(Optional.of(settings), 12, IN_ORDER)) {
            for (int step = 0; step < 12; step++) {
                Map<String, Tensor> trained = new LinkedHashMap<>();
                for (String p : List.of("w", "b")) {
                    trained.put(p, Tensor.of(engine, file.shape("init." + p), row(file, "adamw." + p, step)));
                }
                average.observe(step + 1, trained);
                average.tensors().forEach((key, tensor) -> trained.put(key, tensor));
                for (String p : List.of("w", "b")) {
                    assertThat(trained.get("average." + p).toDoubles())
                            .as("%s after step %d", p, step)
                            .containsExactly(row(file, name + "." + p, step), within(1e-6));
                }
            }
        }
    }

    private static double[] row(TensorFile file, String name, int row) {
        double[] all = file.doubles(name);
        int size = all.length / 12;
        return Arrays.copyOfRange(all, row * size, (row + 1) * size);
    }

    private Tensor of(double... values) {
        return Tensor.of(engine, Shape.of(values.length), values);
    }

    @Test
    void takesInWhatIsDueAndKeepsNoAverageOfWhatIsFrozen() {
        Tensor a = of(1, 2);
        Tensor b = of(5);
        try (WeightAverage average = new WeightAverage(Optional.of(new Averaging.Swa(0.5, 2)), 10, IN_ORDER)) {
            average.observe(4, Map.of("a", a, "b", b)); // before half of the run
            average.observe(5, Map.of("a", a, "b", b)); // between the steps that are due
            assertThat(average.tensors()).isEmpty();
            average.observe(6, Map.of("a", a, "b", b));
            a.set(new double[] {3, 6});
            average.observe(8, Map.of("a", a));
            assertThat(average.tensors()).containsOnlyKeys("average.a");
            assertThat(average.tensors().get("average.a").toDoubles()).containsExactly(2, 4);
        }
    }

    @Test
    void anExchangeIsUndoneByAnother() {
        double[] values =
                IntStream.range(0, 10_000).mapToDouble(i -> 1.0 / (i + 3)).toArray();
        Tensor a = of(values);
        try (WeightAverage average = new WeightAverage(Optional.of(new Averaging.Ema(0.3, 1)), 10, IN_ORDER)) {
            average.observe(1, Map.of("a", a));
            a.set(new double[10_000]);
            average.during(Map.of("a", a, "new", of(7)), () -> {
                assertThat(a.toDoubles()).containsExactly(values);
                return null;
            });
            assertThat(a.toDoubles()).containsOnly(0);
            assertThat(average.tensors().get("average.a").toDoubles()).containsExactly(values);
        }
    }
}
