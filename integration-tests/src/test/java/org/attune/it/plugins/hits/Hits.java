package org.attune.it.plugins.hits;

import java.util.List;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.Score;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.osgi.service.component.annotations.Component;

/** A metric to be swapped: the share of right answers. */
@Component(service = Metric.class)
@AttunePlugin(name = "hits", description = "share of right answers")
public final class Hits implements Metric<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public Accumulator open(NoOptions options, List<String> labels) {
        return new Counter();
    }

    private static final class Counter implements Accumulator {
        private long right;
        private long all;

        @Override
        public void add(Prediction prediction) {
            all++;
            ClassPrediction of = (ClassPrediction) prediction;
            right += of.predicted() == of.gold() ? 1 : 0;
        }

        @Override
        public void merge(Accumulator other) {
            Counter counter = (Counter) other;
            right += counter.right;
            all += counter.all;
        }

        @Override
        public List<Score> scores() {
            return List.of(new Score("hits", (double) right / all, Score.Direction.UP));
        }
    }
}
