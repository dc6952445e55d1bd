package org.attune.eval.metrics;

import java.util.List;
import org.attune.evaluation.Metric;
import org.attune.plugin.AttunePlugin;
import org.osgi.service.component.annotations.Component;

/** {@link Ratio#PRECISION}, averaged by {@link Averages}. */
@Component(service = Metric.class)
@AttunePlugin(
        name = "precision",
        description = "of what was predicted as a class, the part that is right: macro, micro, weighted")
public final class Precision implements Metric<AverageOptions> {
    @Override
    public Class<AverageOptions> options() {
        return AverageOptions.class;
    }

    @Override
    public Accumulator open(AverageOptions options, List<String> labels) {
        return Averages.open(Ratio.PRECISION, options, labels);
    }
}
