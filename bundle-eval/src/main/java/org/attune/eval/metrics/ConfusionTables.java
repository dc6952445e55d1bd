package org.attune.eval.metrics;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Table;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.osgi.service.component.annotations.Component;
import org.tribuo.classification.Label;

/** No number, but two tables of the classes that occur: which was taken for which, and each one's precision, recall and F1. */
@Component(service = Metric.class)
@AttunePlugin(name = "confusion", description = "tables: which class was taken for which, and scores by class")
public final class ConfusionTables implements Metric<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public Accumulator open(NoOptions options, List<String> labels) {
        return ConfusionAccumulator.ofTables(labels, confusion -> List.of(matrix(confusion), byClass(confusion)));
    }

    private static Table matrix(Confusion confusion) {
        int[] classes = confusion.occurring();
        List<String> header = new ArrayList<>(List.of("gold \\ predicted"));
        Arrays.stream(classes).mapToObj(confusion::name).forEach(header::add);
        List<List<String>> rows = new ArrayList<>();
        for (int gold : classes) {
            List<String> row = new ArrayList<>(List.of(confusion.name(gold)));
            for (int predicted : classes) {
                row.add(Long.toString(confusion.count(gold, predicted)));
            }
            rows.add(List.copyOf(row));
        }
        return new Table("Confusion matrix", List.copyOf(header), List.copyOf(rows));
    }

    private static Table byClass(Confusion confusion) {
        List<List<String>> rows = new ArrayList<>();
        for (int index : confusion.occurring()) {
            rows.add(List.of(
                    confusion.name(index),
                    cell(Ratio.PRECISION, index, confusion),
                    cell(Ratio.RECALL, index, confusion),
                    cell(Ratio.F1, index, confusion),
                    Long.toString(confusion.gold(index))));
        }
        return new Table("By class", List.of("label", "precision", "recall", "f1", "support"), List.copyOf(rows));
    }

    private static String cell(Ratio ratio, int index, Confusion confusion) {
        Label label = confusion.label(index);
        double value = ratio.of(confusion.tp(label), confusion.fp(label), confusion.fn(label), Double.NaN);
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.4f", value);
    }
}
