package org.attune.eval.metrics;

import java.util.List;
import org.attune.evaluation.Metric;
import org.attune.plugin.AttunePlugin;
import org.osgi.service.component.annotations.Component;

/** {@link Ratio#RECALL}, averaged by {@link Averages}. */
@Component(service = Metric.class)
@AttunePlugin(name = "recall", description = "of what is of a class, the part that was found: macro, micro, weighted")
public final class Recall implements Metric<AverageOptions> {
    @Override
    public Class<AverageOptions> options() {
        return AverageOptions.class;
    }

    @Override
    public Accumulator open(AverageOptions options, List<String> labels) {
        return Averages.open(Ratio.RECALL, options, labels);
    }
}
