package org.attune.eval.metrics;

import java.util.List;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Score;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.osgi.service.component.annotations.Component;
import org.tribuo.classification.evaluation.ConfusionMetrics;
import org.tribuo.evaluation.metrics.EvaluationMetric.Average;

/** The part of examples whose most probable class is the right one: Tribuo's micro-averaged accuracy. NaN without examples. */
@Component(service = Metric.class)
@AttunePlugin(name = "accuracy", description = "part of the examples that are classified right")
public final class Accuracy implements Metric<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public Accumulator open(NoOptions options, List<String> labels) {
        return ConfusionAccumulator.ofScores(
                labels,
                confusion -> List.of(new Score(
                        "accuracy", ConfusionMetrics.accuracy(Average.MICRO, confusion), Score.Direction.UP)));
    }
}
