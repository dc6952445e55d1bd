package org.attune.eval.metrics;

import java.util.List;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Score;
import org.attune.plugin.AttunePlugin;
import org.osgi.service.component.annotations.Component;

/**
 * Cohen's kappa (Cohen 1960; weighted: 1968): 1 - &Sigma; w<sub>ij</sub> O<sub>ij</sub> / &Sigma; w<sub>ij</sub> E<sub>ij</sub>
 * with the observed counts O and those expected if answers and predictions were independent, E. At most 1; NaN where one class alone
 * occurs. Distances are those of the declared labels, so classes that happen not to occur keep their place. Tribuo does not have it.
 */
@Component(service = Metric.class)
@AttunePlugin(name = "kappa", description = "Cohen's kappa, plain or weighted")
public final class Kappa implements Metric<KappaOptions> {
    @Override
    public Class<KappaOptions> options() {
        return KappaOptions.class;
    }

    @Override
    public Accumulator open(KappaOptions options, List<String> labels) {
        return ConfusionAccumulator.ofScores(
                labels,
                confusion -> List.of(new Score("kappa", value(confusion, options.weights()), Score.Direction.UP)));
    }

    private static double value(Confusion confusion, KappaOptions.Weights weights) {
        double n = confusion.total();
        double observed = 0;
        double expected = 0;
        for (int i = 0; i < confusion.classes(); i++) {
            double gold = confusion.gold(i);
            for (int j = 0; j < confusion.classes(); j++) {
                double weight = weights.of(i, j);
                observed += weight * confusion.count(i, j);
                expected += weight * gold * confusion.predicted(j) / n;
            }
        }
        return 1 - observed / expected;
    }
}
