package org.attune.eval.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Score;
import org.attune.evaluation.Table;
import org.attune.plugin.NoOptions;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Test;

/** Six examples of three classes, worked out by hand; a fourth class never occurs. */
class ClassificationMetricsTest {
    private static final List<String> LABELS = List.of("a", "b", "c", "never");
    private static final int[] GOLD = {0, 0, 0, 1, 1, 2};
    private static final int[] PREDICTED = {0, 0, 1, 1, 2, 2};
    private static final NoOptions NONE = new NoOptions();
    private static final double EXACT = 1e-12;

    @Test
    void averagesOverTheClassesThatOccur() {
        AverageOptions options = new AverageOptions("0", List.of());

        // precision 1, 1/2, 1/2; recall 2/3, 1/2, 1; F1 4/5, 1/2, 2/3; support 3, 2, 1
        assertScores(
                Evaluate.scores(new Precision(), options, LABELS, GOLD, PREDICTED),
                Map.of("precision_macro", 2 / 3.0, "precision_micro", 4 / 6.0, "precision_weighted", 4.5 / 6));
        assertScores(
                Evaluate.scores(new Recall(), options, LABELS, GOLD, PREDICTED),
                Map.of("recall_macro", 13 / 18.0, "recall_micro", 4 / 6.0, "recall_weighted", 4 / 6.0));
        assertScores(
                Evaluate.scores(new F1(), options, LABELS, GOLD, PREDICTED),
                Map.of("f1_macro", 59 / 90.0, "f1_micro", 4 / 6.0, "f1_weighted", (3 * 0.8 + 2 * 0.5 + 2 / 3.0) / 6));
    }

    @Test
    void averagesOverChosenLabelsAndZeroDivisions() {
        List<String> all = LABELS;

        assertThat(Evaluate.scores(new F1(), new AverageOptions("0", all), LABELS, GOLD, PREDICTED))
                .hasEntrySatisfying("f1_macro", value -> assertThat(value).isCloseTo(59 / 120.0, within(EXACT)));
        assertThat(Evaluate.scores(new F1(), new AverageOptions("1", all), LABELS, GOLD, PREDICTED))
                .hasEntrySatisfying(
                        "f1_macro", value -> assertThat(value).isCloseTo((59 / 30.0 + 1) / 4, within(EXACT)));
        assertThat(Evaluate.scores(new F1(), new AverageOptions("nan", all), LABELS, GOLD, PREDICTED))
                .hasEntrySatisfying("f1_macro", value -> assertThat(value).isCloseTo(59 / 90.0, within(EXACT)));
        assertThat(Evaluate.scores(new Recall(), new AverageOptions("0", List.of("a")), LABELS, GOLD, PREDICTED))
                .hasEntrySatisfying("recall_micro", value -> assertThat(value).isCloseTo(2 / 3.0, within(EXACT)));
        assertThatThrownBy(() -> new F1().open(new AverageOptions("2", List.of()), LABELS))
                .isInstanceOf(UserError.class)
                .hasMessage("zero_division is '2'; expected 0, 1 or nan");
        assertThatThrownBy(() -> new F1().open(new AverageOptions("0", List.of("d")), LABELS))
                .isInstanceOf(UserError.class)
                .hasMessage("labels: there is no label 'd'; the labels are a, b, c, never");
    }

    @Test
    void agreesOnAccuracyCorrelationAndKappa() {
        assertScores(Evaluate.scores(new Accuracy(), NONE, LABELS, GOLD, PREDICTED), Map.of("accuracy", 4 / 6.0));
        assertScores(Evaluate.scores(new Mcc(), NONE, LABELS, GOLD, PREDICTED), Map.of("mcc", 12 / Math.sqrt(24 * 22)));
        assertScores(kappa(KappaOptions.Weights.NONE), Map.of("kappa", 0.5));
        assertScores(kappa(KappaOptions.Weights.LINEAR), Map.of("kappa", 0.625));
        assertScores(kappa(KappaOptions.Weights.QUADRATIC), Map.of("kappa", 0.75));
    }

    private static Map<String, Double> kappa(KappaOptions.Weights weights) {
        return Evaluate.scores(new Kappa(), new KappaOptions(weights), LABELS, GOLD, PREDICTED);
    }

    @Test
    void clipsTheLogLoss() {
        Metric.Accumulator loss = new LogLoss().open(NONE, List.of("a", "b"));
        loss.add(new ClassPrediction(0, 0, new double[] {0.25, 0.75}));
        loss.add(new ClassPrediction(1, 1, new double[] {1, 0}));

        assertThat(loss.scores()).singleElement().satisfies(score -> {
            assertThat(score.value()).isCloseTo((Math.log(4) + 52 * Math.log(2)) / 2, within(EXACT));
            assertThat(score.direction()).isEqualTo(Score.Direction.DOWN);
        });
    }

    @Test
    void tabulatesTheClassesThatOccur() {
        List<Table> tables = Evaluate.gather(new ConfusionTables(), NONE, LABELS, GOLD, PREDICTED)
                .tables();

        assertThat(tables).hasSize(2);
        assertThat(tables.get(0).header()).containsExactly("gold \\ predicted", "a", "b", "c");
        assertThat(tables.get(0).rows())
                .containsExactly(List.of("a", "2", "1", "0"), List.of("b", "0", "1", "1"), List.of("c", "0", "0", "1"));
        assertThat(tables.get(1).rows()).contains(List.of("a", "1.0000", "0.6667", "0.8000", "3"));
    }

    @Test
    void partsGatheredApartGiveTheSame() {
        AverageOptions options = new AverageOptions("0", List.of());
        Metric.Accumulator whole = Evaluate.gather(new F1(), options, LABELS, GOLD, PREDICTED);
        Metric.Accumulator left = Evaluate.gather(new F1(), options, LABELS, new int[] {0, 0}, new int[] {0, 0});
        Metric.Accumulator right =
                Evaluate.gather(new F1(), options, LABELS, new int[] {0, 1, 1, 2}, new int[] {1, 1, 2, 2});
        left.merge(right);

        assertThat(left.scores()).isEqualTo(whole.scores());

        Metric.Accumulator one = new LogLoss().open(NONE, LABELS);
        Metric.Accumulator two = new LogLoss().open(NONE, LABELS);
        one.add(new ClassPrediction(0, 0, new double[] {0.5, 0.5, 0, 0}));
        two.add(new ClassPrediction(1, 1, new double[] {0.75, 0.25, 0, 0}));
        one.merge(two);
        assertScores(Evaluate.byName(one.scores()), Map.of("log_loss", Math.log(8) / 2));
    }

    @Test
    void isUndefinedWithoutExamples() {
        int[] nothing = {};
        assertThat(Evaluate.scores(new Accuracy(), NONE, LABELS, nothing, nothing))
                .containsEntry("accuracy", Double.NaN);
        assertThat(Evaluate.scores(new Mcc(), NONE, LABELS, nothing, nothing)).containsEntry("mcc", Double.NaN);
        assertThat(new LogLoss().open(NONE, LABELS).scores().get(0).value()).isNaN();
    }

    private static void assertScores(Map<String, Double> scores, Map<String, Double> expected) {
        assertThat(scores).containsOnlyKeys(expected.keySet());
        expected.forEach((name, value) -> assertThat(scores.get(name)).as(name).isCloseTo(value, within(EXACT)));
    }
}
