package org.attune.eval.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Metric;
import org.attune.plugin.NoOptions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Against scikit-learn, whose values lie beside the checkout (made by make_metrics.py there). */
class GoldenMetricsTest {
    private static final double RELATIVE = 1e-9;

    private static JsonNode golden;

    @BeforeAll
    static void read() throws IOException {
        Path file = Path.of(System.getProperty("attune.shared", "")).resolve("golden/metrics/classification.json");
        Assumptions.assumeTrue(Files.exists(file), "skipped: no file " + file);
        golden = new ObjectMapper().readTree(file.toFile());
    }

    @TestFactory
    Stream<DynamicTest> agreesWithScikitLearn() {
        List<DynamicTest> tests = new ArrayList<>();
        for (JsonNode labels : golden.get("labels")) {
            Case c = Case.of(labels);
            tests.add(dynamicTest(c.name() + ": accuracy, mcc", c::accuracyAndMcc));
            tests.add(dynamicTest(c.name() + ": confusion, kappa", c::confusionAndKappa));
            for (String zeroDivision : List.of("0", "1", "nan")) {
                tests.add(dynamicTest(
                        c.name() + ": averages, zero_division " + zeroDivision, () -> c.averages(zeroDivision)));
            }
        }
        assertThat(tests).isNotEmpty();
        return tests.stream();
    }

    @Test
    void agreesOnTheLogLoss() {
        JsonNode probabilities = golden.get("probabilities");
        Metric.Accumulator loss = new LogLoss().open(new NoOptions(), List.of("0", "1", "2", "3"));
        for (int i = 0; i < probabilities.get("y_true").size(); i++) {
            double[] weights = doubles(probabilities.get("weights").get(i));
            double sum = Arrays.stream(weights).sum();
            loss.add(new ClassPrediction(
                    i,
                    probabilities.get("y_true").get(i).asInt(),
                    Arrays.stream(weights).map(w -> w / sum).toArray()));
        }
        assertClose("log loss", loss.scores().get(0).value(), probabilities.get("log_loss"));

        JsonNode binary = golden.get("binary_probability");
        Metric.Accumulator clipped = new LogLoss().open(new NoOptions(), List.of("0", "1"));
        double[] p = doubles(binary.get("p"));
        for (int i = 0; i < p.length; i++) {
            clipped.add(new ClassPrediction(i, binary.get("y_true").get(i).asInt(), new double[] {1 - p[i], p[i]}));
        }
        assertClose("clipped log loss", clipped.scores().get(0).value(), binary.get("log_loss"));
    }

    /**
     * One set of answers.
     *
     * @param chosen the labels that averages and the confusion matrix are over
     * @param all chosen and those that occur, sorted
     */
    private record Case(
            String name, JsonNode expected, List<String> chosen, List<String> all, int[] gold, int[] predicted) {

        static Case of(JsonNode node) {
            List<String> chosen = texts(node.get("labels"));
            List<String> gold = texts(node.get("y_true"));
            List<String> predicted = texts(node.get("y_pred"));
            Set<String> occurring = new HashSet<>(gold);
            occurring.addAll(predicted);
            List<String> all = chosen;
            if (!chosen.containsAll(occurring)) {
                occurring.addAll(chosen);
                all = List.copyOf(new TreeSet<>(occurring));
            }
            return new Case(node.get("name").asText(), node, chosen, all, numbers(gold, all), numbers(predicted, all));
        }

        void accuracyAndMcc() {
            NoOptions none = new NoOptions();
            assertClose(
                    "accuracy",
                    Evaluate.scores(new Accuracy(), none, all, gold, predicted).get("accuracy"),
                    expected.get("accuracy"));
            assertClose(
                    "mcc",
                    Evaluate.scores(new Mcc(), none, all, gold, predicted).get("mcc"),
                    expected.get("mcc"));
        }

        /** Where some labels are chosen, over the examples whose answer and prediction are among them. */
        void confusionAndKappa() {
            int[] kept = IntStream.range(0, gold.length)
                    .filter(i -> chosen.contains(all.get(gold[i])) && chosen.contains(all.get(predicted[i])))
                    .toArray();
            int[] keptGold = Arrays.stream(kept)
                    .map(i -> chosen.indexOf(all.get(gold[i])))
                    .toArray();
            int[] keptPredicted = Arrays.stream(kept)
                    .map(i -> chosen.indexOf(all.get(predicted[i])))
                    .toArray();
            Confusion confusion = new Confusion(chosen);
            for (int i = 0; i < kept.length; i++) {
                double[] probabilities = new double[chosen.size()];
                probabilities[keptPredicted[i]] = 1;
                confusion.add(new ClassPrediction(i, keptGold[i], probabilities));
            }
            for (int i = 0; i < chosen.size(); i++) {
                for (int j = 0; j < chosen.size(); j++) {
                    assertThat(confusion.count(i, j))
                            .isEqualTo(expected.get("confusion").get(i).get(j).asLong());
                }
            }
            for (KappaOptions.Weights weights : KappaOptions.Weights.values()) {
                double kappa = Evaluate.scores(new Kappa(), new KappaOptions(weights), chosen, keptGold, keptPredicted)
                        .get("kappa");
                if (expected.has("kappa")) {
                    String key = weights == KappaOptions.Weights.NONE
                            ? "None"
                            : weights.name().toLowerCase(Locale.ROOT);
                    assertClose("kappa " + key, kappa, expected.get("kappa").get(key));
                } else { // one class alone occurs
                    assertThat(kappa).isNaN();
                }
            }
        }

        void averages(String zeroDivision) {
            averages(new AverageOptions(zeroDivision, chosen));
            if (Stream.of(gold, predicted)
                            .flatMapToInt(Arrays::stream)
                            .distinct()
                            .count()
                    == chosen.size()) {
                averages(new AverageOptions(zeroDivision, List.of())); // all that occur
            }
        }

        private void averages(AverageOptions options) {
            List<Metric<AverageOptions>> metrics = List.of(new Precision(), new Recall(), new F1());
            List<String> names = List.of("precision", "recall", "f1");
            JsonNode values = expected.get("zero_division_" + options.zeroDivision());
            for (int m = 0; m < metrics.size(); m++) {
                Map<String, Double> scores = Evaluate.scores(metrics.get(m), options, all, gold, predicted);
                for (String average : List.of("macro", "micro", "weighted")) {
                    String name = names.get(m) + "_" + average;
                    assertClose(name, scores.get(name), values.get(average).get(m));
                }
            }
        }
    }

    private static void assertClose(String name, double actual, JsonNode node) {
        double expected = node.isTextual() ? Double.parseDouble(node.asText()) : node.asDouble();
        if (Double.isNaN(expected)) {
            assertThat(actual).as(name).isNaN();
        } else {
            assertThat(actual).as(name).isCloseTo(expected, within(RELATIVE * Math.max(1, Math.abs(expected))));
        }
    }

    private static List<String> texts(JsonNode array) {
        List<String> texts = new ArrayList<>();
        array.forEach(node -> texts.add(node.asText()));
        return texts;
    }

    private static double[] doubles(JsonNode array) {
        double[] values = new double[array.size()];
        Arrays.setAll(values, i -> array.get(i).asDouble());
        return values;
    }

    private static int[] numbers(List<String> values, List<String> labels) {
        return values.stream().mapToInt(labels::indexOf).toArray();
    }
}
