package org.attune.eval.metrics;

import java.util.List;
import java.util.function.Function;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.Score;
import org.attune.evaluation.Table;

/** Gathers a confusion matrix for the metrics that need no more. */
final class ConfusionAccumulator implements Metric.Accumulator {
    private final Confusion confusion;
    private final Function<Confusion, List<Score>> scores;
    private final Function<Confusion, List<Table>> tables;

    private ConfusionAccumulator(
            List<String> labels, Function<Confusion, List<Score>> scores, Function<Confusion, List<Table>> tables) {
        this.confusion = new Confusion(labels);
        this.scores = scores;
        this.tables = tables;
    }

    static Metric.Accumulator ofScores(List<String> labels, Function<Confusion, List<Score>> scores) {
        return new ConfusionAccumulator(labels, scores, confusion -> List.of());
    }

    static Metric.Accumulator ofTables(List<String> labels, Function<Confusion, List<Table>> tables) {
        return new ConfusionAccumulator(labels, confusion -> List.of(), tables);
    }

    @Override
    public void add(Prediction prediction) {
        confusion.add((ClassPrediction) prediction);
    }

    @Override
    public void merge(Metric.Accumulator other) {
        confusion.merge(((ConfusionAccumulator) other).confusion);
    }

    @Override
    public List<Score> scores() {
        return scores.apply(confusion);
    }

    @Override
    public List<Table> tables() {
        return tables.apply(confusion);
    }
}
