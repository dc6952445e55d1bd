package org.attune.eval.metrics;

import java.util.List;
import org.attune.evaluation.CompletionMatch;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.Score;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.osgi.service.component.annotations.Component;

/**
 * The part of examples whose completion greedy decoding gives token for token, the end included where it is learnt. NaN without
 * examples.
 */
@Component(service = Metric.class)
@AttunePlugin(name = "exact-match", description = "part of the completions that greedy decoding gives exactly")
public final class ExactMatch implements Metric<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public Class<? extends Prediction> reads() {
        return CompletionMatch.class;
    }

    @Override
    public Accumulator open(NoOptions options, List<String> labels) {
        return new Count();
    }

    private static final class Count implements Accumulator {
        private long exact;
        private long all;

        @Override
        public void add(Prediction prediction) {
            exact += ((CompletionMatch) prediction).exact() ? 1 : 0;
            all++;
        }

        @Override
        public void merge(Accumulator other) {
            exact += ((Count) other).exact;
            all += ((Count) other).all;
        }

        @Override
        public List<Score> scores() {
            return List.of(new Score("exact_match", (double) exact / all, Score.Direction.UP));
        }
    }
}
