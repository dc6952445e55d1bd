package org.attune.eval.metrics;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Score;

/** What a metric says of class numbers. */
final class Evaluate {
    private Evaluate() {}

    static <O extends Record> Metric.Accumulator gather(
            Metric<O> metric, O options, List<String> labels, int[] gold, int[] predicted) {
        Metric.Accumulator accumulator = metric.open(options, labels);
        for (int i = 0; i < gold.length; i++) {
            accumulator.add(prediction(i, gold[i], predicted[i], labels.size()));
        }
        return accumulator;
    }

    static <O extends Record> Map<String, Double> scores(
            Metric<O> metric, O options, List<String> labels, int[] gold, int[] predicted) {
        return byName(gather(metric, options, labels, gold, predicted).scores());
    }

    static Map<String, Double> byName(List<Score> scores) {
        Map<String, Double> values = new LinkedHashMap<>();
        scores.forEach(score -> values.put(score.name(), score.value()));
        return values;
    }

    private static ClassPrediction prediction(int example, int gold, int predicted, int classes) {
        double[] probabilities = new double[classes];
        probabilities[predicted] = 1;
        return new ClassPrediction(example, gold, probabilities);
    }
}
