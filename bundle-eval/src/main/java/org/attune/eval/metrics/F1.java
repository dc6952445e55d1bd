package org.attune.eval.metrics;

import java.util.List;
import org.attune.evaluation.Metric;
import org.attune.plugin.AttunePlugin;
import org.osgi.service.component.annotations.Component;

/** {@link Ratio#F1}, averaged by {@link Averages}. */
@Component(service = Metric.class)
@AttunePlugin(name = "f1", description = "harmonic mean of precision and recall: macro, micro, weighted")
public final class F1 implements Metric<AverageOptions> {
    @Override
    public Class<AverageOptions> options() {
        return AverageOptions.class;
    }

    @Override
    public Accumulator open(AverageOptions options, List<String> labels) {
        return Averages.open(Ratio.F1, options, labels);
    }
}
