package org.attune.eval.metrics;

import java.util.List;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.Score;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.osgi.service.component.annotations.Component;

/**
 * The mean of -ln p of the right class, in nats per example; p is clipped to [2<sup>-52</sup>, 1 - 2<sup>-52</sup>] as in scikit-learn.
 * NaN without examples. Tribuo does not have it.
 */
@Component(service = Metric.class)
@AttunePlugin(name = "log-loss", description = "mean negative log-likelihood of the right class, in nats")
public final class LogLoss implements Metric<NoOptions> {
    private static final double EPSILON = 0x1p-52;

    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public Accumulator open(NoOptions options, List<String> labels) {
        return new Sum();
    }

    private static final class Sum implements Accumulator {
        private double sum;
        private long count;

        @Override
        public void add(Prediction prediction) {
            ClassPrediction of = (ClassPrediction) prediction;
            double p = of.probabilities()[of.gold()];
            sum -= Math.log(Math.min(1 - EPSILON, Math.max(EPSILON, p)));
            count++;
        }

        @Override
        public void merge(Accumulator other) {
            Sum that = (Sum) other;
            sum += that.sum;
            count += that.count;
        }

        @Override
        public List<Score> scores() {
            return List.of(new Score("log_loss", sum / count, Score.Direction.DOWN));
        }
    }
}
