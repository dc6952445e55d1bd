package org.attune.eval.metrics;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Score;
import org.attune.plugin.UserError;
import org.tribuo.classification.Label;

/**
 * A ratio over all classes, as scikit-learn averages it: macro (every class counts the same), micro (every example counts
 * the same) and weighted (a class counts as often as it is right). Tribuo knows no weighted average, no choice for zero
 * denominators, and its macro average runs over all classes that a model knows, also those that never occur.
 */
final class Averages {
    private Averages() {}

    static Metric.Accumulator open(Ratio ratio, AverageOptions options, List<String> labels) {
        double undefined = options.undefined();
        int[] chosen = options.labels().stream()
                .mapToInt(name -> index(name, labels))
                .distinct()
                .toArray();
        return ConfusionAccumulator.ofScores(
                labels,
                confusion -> scores(ratio, undefined, chosen.length > 0 ? chosen : confusion.occurring(), confusion));
    }

    private static int index(String name, List<String> labels) {
        int index = labels.indexOf(name);
        if (index < 0) {
            throw new UserError(
                    "labels: there is no label '" + name + "'; the labels are " + String.join(", ", labels));
        }
        return index;
    }

    private static List<Score> scores(Ratio ratio, double undefined, int[] classes, Confusion confusion) {
        double[] values = new double[classes.length];
        double[] support = new double[classes.length];
        double tp = 0;
        double fp = 0;
        double fn = 0;
        for (int i = 0; i < classes.length; i++) {
            Label label = confusion.label(classes[i]);
            values[i] = ratio.of(confusion.tp(label), confusion.fp(label), confusion.fn(label), undefined);
            support[i] = confusion.support(label);
            tp += confusion.tp(label);
            fp += confusion.fp(label);
            fn += confusion.fn(label);
        }
        double[] equal = new double[classes.length];
        Arrays.fill(equal, 1);
        return List.of(
                score(ratio, "macro", mean(values, equal, undefined)),
                score(ratio, "micro", ratio.of(tp, fp, fn, undefined)),
                score(ratio, "weighted", mean(values, support, undefined)));
    }

    private static Score score(Ratio ratio, String average, double value) {
        return new Score(ratio.name().toLowerCase(Locale.ROOT) + "_" + average, value, Score.Direction.UP);
    }

    /** Leaves out what is NaN. */
    private static double mean(double[] values, double[] weights, double undefined) {
        int[] defined = IntStream.range(0, values.length)
                .filter(i -> !Double.isNaN(values[i]))
                .toArray();
        double weight = Arrays.stream(defined).mapToDouble(i -> weights[i]).sum();
        double sum =
                Arrays.stream(defined).mapToDouble(i -> weights[i] * values[i]).sum();
        return weight == 0 ? undefined : sum / weight;
    }
}
