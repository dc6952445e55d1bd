package org.attune.eval.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.attune.evaluation.CompletionMatch;
import org.attune.evaluation.Metric;
import org.attune.plugin.NoOptions;
import org.junit.jupiter.api.Test;

class ExactMatchTest {
    private static Metric.Accumulator open() {
        return new ExactMatch().open(new NoOptions(), List.of());
    }

    @Test
    void countsCompletionsOfWhichEveryTokenIsRight() {
        Metric.Accumulator all = open();
        all.add(new CompletionMatch(0, 3, 3));
        all.add(new CompletionMatch(1, 3, 2));
        Metric.Accumulator rest = open();
        rest.add(new CompletionMatch(2, 1, 1));
        rest.add(new CompletionMatch(3, 5, 0));
        all.merge(rest);
        assertThat(Evaluate.byName(all.scores())).containsExactly(Map.entry("exact_match", 0.5));
        assertThat(open().scores().get(0).value()).isNaN();
    }
}
