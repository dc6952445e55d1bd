package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import java.nio.file.Path;
import org.attune.tensor.io.TensorFile;
import org.attune.testkit.Golden;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The parts of a weight that PEFT takes; A and B themselves are determined but for signs, their product is not. */
class DecompositionTest {
    @ParameterizedTest
    @ValueSource(strings = {"bert/pissa", "llama/pissa", "bert/olora", "llama/olora"})
    void theProductIsPefts(String trace) {
        Path folder = Golden.path("traces/" + trace);
        Path model = Golden.path("models/" + trace.split("/")[0]).resolve("model.safetensors");
        int rank = 4;
        double scale = 2;
        try (TensorFile expected = TensorFile.open(folder.resolve("init.safetensors"));
                TensorFile weights = TensorFile.open(model)) {
            int compared = 0;
            for (String name : expected.names()) {
                if (name.endsWith(".delta")) {
                    int out = expected.shape(name).dim(0);
                    int in = expected.shape(name).dim(1);
                    double[] weight = weights.doubles(name.replace(".delta", ".weight"));
                    Decomposition part = trace.endsWith("pissa")
                            ? Decomposition.principal(weight, out, in, rank, scale)
                            : Decomposition.orthonormal(weight, out, in, rank);
                    double[] delta = expected.doubles(name);
                    for (int i = 0; i < delta.length; i++) {
                        double product = 0;
                        for (int k = 0; k < rank; k++) {
                            product += scale * part.b()[i / in * rank + k] * part.a()[k * in + i % in];
                        }
                        // PEFT decomposes in float32. Where singular values 4 and 5 are near each other (0.8212 and
                        // 0.8203
                        // in one of these) the same in float64 is 1.7e-5 away from its result.
                        assertThat(product).as("%s[%d]", name, i).isCloseTo(delta[i], offset(2e-5));
                    }
                    compared++;
                }
            }
            assertThat(compared).isEqualTo(4);
        }
    }
}
