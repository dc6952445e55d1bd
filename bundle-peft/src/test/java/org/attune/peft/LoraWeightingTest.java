package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.attune.kernel.run.AdapterFolder;
import org.attune.tensor.Shape;
import org.attune.tensor.io.TensorFile;
import org.attune.testkit.Golden;
import org.attune.training.Adapter.UnsupportedMethod;
import org.attune.training.Weighting.Kind;
import org.attune.training.Weighting.Part;
import org.attune.training.Weighting.Saved;
import org.attune.training.Weighting.Sign;
import org.attune.training.Weighting.Values;
import org.attune.training.Weighting.Way;
import org.junit.jupiter.api.Test;

class LoraWeightingTest {
    /** What PEFT's own code makes of three adapters, for each type and two sets of weights. */
    @Test
    void eachTypeGivesPeftsValues() throws Exception {
        Path folder = Golden.path("merging");
        JsonNode manifest =
                new ObjectMapper().readTree(folder.resolve("manifest.json").toFile());
        int compared = 0;
        try (TensorFile deltas = TensorFile.open(folder.resolve("deltas.safetensors"));
                TensorFile masks = TensorFile.open(folder.resolve("dare_masks.safetensors"))) {
            for (JsonNode run : manifest.path("runs")) {
                List<Part> parts = new ArrayList<>();
                List<String> names = new ArrayList<>();
                for (int i = 0; i < run.path("adapters").size(); i++) {
                    String name = run.path("adapters").path(i).asText();
                    AdapterFolder saved = AdapterFolder.read(folder.resolve(name));
                    names.add(name);
                    parts.add(new Part(
                            new Saved(saved.config(), saved.tensors()),
                            run.path("weights").path(i).asDouble()));
                }
                Way way = way(Kind.valueOf(run.path("combination_type").asText().toUpperCase(Locale.ROOT)));
                String key = run.path("key").asText();
                Blend.Pruning pruning = way.type() == Kind.DARE_LINEAR
                        ? (tensor, part, values) -> masked(masks, key, tensor, names.get(part), values)
                        : Blend.pruning(way);
                Saved combined = LoraWeighting.combine(parts, way, pruning);
                assertThat(combined.config())
                        .as(key)
                        .containsEntry("r", run.path("rank").asInt());
                for (JsonNode module : manifest.path("modules")) {
                    float[] expected = deltas.floats(key + "." + module.asText());
                    assertThat(delta(combined, module.asText()))
                            .as(key + " " + module)
                            .containsExactly(expected, offset(2e-6f));
                    compared++;
                }
            }
        }
        assertThat(compared).isEqualTo(14 * 4);
    }

    /** density.5: what the recorded mask keeps is doubled. */
    private static double[] masked(TensorFile masks, String key, String tensor, String adapter, double[] values) {
        String path = tensor.replaceFirst("\\.lora_[AB]\\.weight$", "");
        String factor = tensor.contains("lora_A") ? "A" : "B";
        int[] kept = masks.ints(key + "." + path + "." + factor + "." + adapter);
        double[] result = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = kept[i] != 0 ? values[i] / 0.5 : 0;
        }
        return result;
    }

    @Test
    void factorsOfDifferentRanksAreCombinedOnlyWhereThatIsDefined() {
        List<Part> parts = List.of(part(adapter(2, 4), 1), part(adapter(3, 3), -0.5));
        assertThatThrownBy(() -> new LoraWeighting().combine(parts, way(Kind.TIES)))
                .isInstanceOf(UnsupportedMethod.class)
                .hasMessageContaining("at layer.query their ranks are [2, 3]");
        float[] exact = delta(new LoraWeighting().combine(parts, way(Kind.CAT)), "layer.query");
        float[] wide =
                delta(new LoraWeighting().combine(parts, new Way(Kind.SVD, 0.5, Sign.TOTAL, 5, 0)), "layer.query");
        assertThat(wide).containsExactly(exact, offset(1e-5f)); // of a rank that is enough
        assertThatThrownBy(() -> new LoraWeighting().combine(parts, new Way(Kind.SVD, 0.5, Sign.TOTAL, 9, 0)))
                .hasMessageContaining("rank 9 is more than layer.query [7, 6] has");
    }

    @Test
    void whatIsDroppedAtRandomDependsOnTheSeedAlone() {
        List<Part> parts = List.of(part(adapter(2, 2), 1), part(adapter(2, 5), 1));
        for (Kind kind : List.of(Kind.DARE_LINEAR, Kind.DARE_TIES, Kind.DARE_LINEAR_SVD, Kind.DARE_TIES_SVD)) {
            float[] once = delta(new LoraWeighting().combine(parts, way(kind)), "layer.query");
            assertThat(delta(new LoraWeighting().combine(parts, way(kind)), "layer.query"))
                    .isEqualTo(once);
            Way other = new Way(kind, 0.5, Sign.TOTAL, 0, 1);
            assertThat(delta(new LoraWeighting().combine(parts, other), "layer.query"))
                    .isNotEqualTo(once);
        }
    }

    @Test
    void signsAreElectedBySizeOrByNumber() {
        Blend total = new Blend(way(Kind.TIES), (name, part, values) -> values);
        Blend frequency = new Blend(new Way(Kind.TIES, 1, Sign.FREQUENCY, 0, 0), (name, part, values) -> values);
        List<double[]> parts = List.of(new double[] {3}, new double[] {-1}, new double[] {-1});
        double[] weights = {1, 1, 1};
        assertThat(total.of("", parts, weights)).containsExactly(3);
        assertThat(frequency.of("", parts, weights)).containsExactly(-1);
    }

    @Test
    void oneHeadIsKeptAndTwoAreRefused() {
        Saved plain = adapter(2, 4);
        Saved headed = adapter(2, 2);
        headed.tensors().put("classifier.weight", new Values(Shape.of(1, 2), new float[] {1, 2}));
        headed.config().put("modules_to_save", List.of("classifier"));
        Saved combined = new LoraWeighting().combine(List.of(part(plain, 1), part(headed, 1)), way(Kind.LINEAR));
        assertThat(combined.tensors()).containsKey("classifier.weight");
        assertThat(combined.config()).containsEntry("modules_to_save", List.of("classifier"));
        assertThatThrownBy(() ->
                        new LoraWeighting().combine(List.of(part(headed, 1), part(headed, 1)), way(Kind.LINEAR)))
                .isInstanceOf(UnsupportedMethod.class)
                .hasMessageContaining("classifier.weight");
    }

    private static Way way(Kind kind) {
        return new Way(kind, 0.5, Sign.TOTAL, 0, 0);
    }

    private static Part part(Saved adapter, double weight) {
        return new Part(adapter, weight);
    }

    /** For one map [7, 6]. */
    private static Saved adapter(int rank, int alpha) {
        Map<String, Object> config = new HashMap<>(
                Map.of("peft_type", "LORA", "r", rank, "lora_alpha", alpha, "target_modules", List.of("query")));
        Map<String, Values> tensors = new LinkedHashMap<>();
        tensors.put("layer.query.lora_A.weight", new Values(Shape.of(rank, 6), numbers(rank * 6, alpha)));
        tensors.put("layer.query.lora_B.weight", new Values(Shape.of(7, rank), numbers(7 * rank, alpha + 1)));
        return new Saved(config, tensors);
    }

    private static float[] numbers(int n, int phase) {
        float[] numbers = new float[n];
        for (int i = 0; i < n; i++) {
            numbers[i] = (float) Math.sin(1.7 * i + phase);
        }
        return numbers;
    }

    private static float[] delta(Saved adapter, String module) {
        LoraOptions options = new LoraFormat("lora").read(adapter.config());
        Values a = adapter.tensors().get(module + ".lora_A.weight");
        Values b = adapter.tensors().get(module + ".lora_B.weight");
        int rank = a.shape().dim(0);
        int in = a.shape().dim(1);
        int out = b.shape().dim(0);
        assertThat(options.scale(module)).isEqualTo(1);
        assertThat(options.rank(module)).isEqualTo(rank);
        float[] delta = new float[out * in];
        for (int i = 0; i < out * in; i++) {
            double sum = 0;
            for (int k = 0; k < rank; k++) {
                sum += (double) b.elements()[i / in * rank + k] * a.elements()[k * in + i % in];
            }
            delta[i] = (float) sum;
        }
        return delta;
    }
}
