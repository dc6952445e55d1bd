package org.attune.eval.metrics;

import java.util.List;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Score;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.osgi.service.component.annotations.Component;

/**
 * Matthews' correlation coefficient for any number of classes (R<sub>K</sub> of Gorodkin 2004): with n examples, c of them right,
 * t<sub>k</sub> of class k and p<sub>k</sub> predicted as k, it is (c n - &Sigma; t<sub>k</sub> p<sub>k</sub>) /
 * &radic;((n&sup2; - &Sigma; p<sub>k</sub>&sup2;)(n&sup2; - &Sigma; t<sub>k</sub>&sup2;)), from -1 to 1; 0 where a factor is 0.
 * Tribuo does not have it.
 */
@Component(service = Metric.class)
@AttunePlugin(name = "mcc", description = "Matthews' correlation coefficient, for any number of classes")
public final class Mcc implements Metric<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public Accumulator open(NoOptions options, List<String> labels) {
        return ConfusionAccumulator.ofScores(
                labels, confusion -> List.of(new Score("mcc", value(confusion), Score.Direction.UP)));
    }

    private static double value(Confusion confusion) {
        double n = confusion.total();
        if (n == 0) {
            return Double.NaN;
        }
        double right = 0;
        double both = 0;
        double gold = 0;
        double predicted = 0;
        for (int k = 0; k < confusion.classes(); k++) {
            double t = confusion.gold(k);
            double p = confusion.predicted(k);
            right += confusion.count(k, k);
            both += t * p;
            gold += t * t;
            predicted += p * p;
        }
        double denominator = Math.sqrt(n * n - predicted) * Math.sqrt(n * n - gold);
        return denominator == 0 ? 0 : (right * n - both) / denominator;
    }
}
