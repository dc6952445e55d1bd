package org.attune.eval.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.attune.evaluation.Metric;
import org.attune.evaluation.TextLikelihood;
import org.attune.plugin.NoOptions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PerplexityTest {
    private static Metric.Accumulator open() {
        return new Perplexity().open(new NoOptions(), List.of());
    }

    /** Against transformers, whose values lie beside the checkout (made by make_metrics.py there). */
    @ParameterizedTest
    @ValueSource(strings = {"with_bos", "without_bos"})
    void isThatOfTheReference(String kind) throws IOException {
        Path file = Path.of(System.getProperty("attune.shared", "")).resolve("golden/metrics/lm.json");
        Assumptions.assumeTrue(Files.exists(file), "skipped: no file " + file);
        JsonNode values = new ObjectMapper().readTree(file.toFile()).get("values");
        JsonNode expected = values.get(kind);
        Metric.Accumulator all = open();
        Metric.Accumulator rest = open();
        for (int i = 0; i < expected.get("nll").size(); i++) {
            (i < 2 ? all : rest)
                    .add(new TextLikelihood(
                            i,
                            -expected.get("nll").get(i).asDouble(),
                            expected.get("tokens").get(i).asLong(),
                            values.get("documents").get(i).get("bytes").asLong()));
        }
        all.merge(rest);
        Map<String, Double> scores = Evaluate.byName(all.scores());
        assertThat(scores.keySet()).containsExactly("perplexity", "bits_per_byte");
        scores.forEach(
                (name, value) -> assertThat(value).isCloseTo(expected.get(name).asDouble(), within(1e-9 * value)));
    }

    @Test
    void isUndefinedWhereNothingWasPredicted() {
        Metric.Accumulator none = open();
        none.add(new TextLikelihood(0, 0, 0, 0));
        assertThat(none.scores()).allSatisfy(s -> assertThat(s.value()).isNaN());
    }
}
