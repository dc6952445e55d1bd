package org.attune.continual;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.tensor.Gradients;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.io.TensorFile;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Regularizer;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class L2SpTest {
    private final ReferenceEngine engine = new ReferenceEngine();

    /** Some trained weight of the base and some new parameter. */
    private final class TwoTensors implements Regularizer.Setup {
        private final Map<String, Tensor> tensors = new LinkedHashMap<>();
        private final Map<String, Tensor> starts = new LinkedHashMap<>();

        TwoTensors(double[] base, double[] head) {
            tensors.put("query.weight", trainable(base));
            tensors.put("classifier.weight", trainable(head));
        }

        private Tensor trainable(double... values) {
            Tensor t = Tensor.zeros(engine, Shape.of(values.length)).trainable();
            t.set(values);
            return t;
        }

        @Override
        public List<String> names() {
            return List.copyOf(tensors.keySet());
        }

        @Override
        public Tensor parameter(String name) {
            return tensors.get(name);
        }

        @Override
        public boolean pretrained(String name) {
            return name.equals("query.weight");
        }

        @Override
        public Tensor start(String name) {
            return starts.computeIfAbsent(name, n -> tensors.get(n).keep());
        }
    }

    @Test
    void pullsTheBaseToItsStartAndNewParametersToZero() {
        TwoTensors setup = new TwoTensors(new double[] {1, -2, 3}, new double[] {4, 5});
        Regularizer.Penalty penalty = new L2Sp().open(new L2SpOptions(0.5, 0.1), setup);
        setup.parameter("query.weight").set(1, 0, 4); // moved by 0, 2, 1 after the trial began

        check(
                setup,
                penalty,
                0.5 / 2 * (4 + 1) + 0.1 / 2 * (16 + 25),
                new double[] {0, 1, 0.5},
                new double[] {0.4, 0.5},
                1e-12);
    }

    /** Against make_adaptation.py's entry l2sp, in float32. */
    @Test
    void equalsTheGoldenValues() throws IOException {
        Path folder = Path.of(System.getProperty("attune.shared", "../shared"), "golden", "continual");
        Assumptions.assumeTrue(Files.isDirectory(folder), () -> folder + " is absent");
        JsonNode entry = new ObjectMapper()
                .readTree(folder.resolve("regularisers.json").toFile())
                .findValue("l2sp");
        try (TensorFile file = TensorFile.open(folder.resolve("regularisers.safetensors"))) {
            TwoTensors setup = new TwoTensors(file.doubles("w0"), file.doubles("w_head"));
            L2SpOptions options = new L2SpOptions(
                    entry.at("/params/alpha").doubleValue(),
                    entry.at("/params/beta").doubleValue());
            Regularizer.Penalty penalty = new L2Sp().open(options, setup);
            setup.parameter("query.weight").set(file.doubles("w"));
            check(
                    setup,
                    penalty,
                    entry.get("value").doubleValue(),
                    file.doubles("l2sp.grad.w"),
                    file.doubles("l2sp.grad.w_head"),
                    1e-6);
        }
    }

    private void check(
            TwoTensors setup, Regularizer.Penalty penalty, double loss, double[] base, double[] head, double within) {
        try (Gradients gradients = new Gradients(setup.tensors.values());
                Scope scope = Scope.open(engine)) {
            Tensor found = penalty.loss().orElseThrow();
            assertThat(found.item()).isCloseTo(loss, offset(within));
            scope.backward(found, gradients);
            assertThat(gradients.of(setup.parameter("query.weight")).toDoubles())
                    .containsExactly(base, offset(within));
            assertThat(gradients.of(setup.parameter("classifier.weight")).toDoubles())
                    .containsExactly(head, offset(within));
        }
    }
}
