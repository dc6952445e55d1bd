package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.attune.evaluation.Score;
import org.attune.kernel.spec.TrialSpec;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Test;

class EarlyStopTest {
    private static EarlyStop watching(int patience, double minDelta) {
        return new EarlyStop(Optional.of(new TrialSpec.EarlyStopping("f1", patience, minDelta)));
    }

    private static List<Score> up(double value) {
        return List.of(new Score("other", -value, Score.Direction.UP), new Score("f1", value, Score.Direction.UP));
    }

    private static List<Score> down(double value) {
        return List.of(new Score("f1", value, Score.Direction.DOWN));
    }

    @Test
    void patienceCountsEvaluationsWithoutImprovement() {
        EarlyStop stop = watching(1, 0);
        assertThat(stop.observe(10, up(0.5))).isTrue();
        assertThat(stop.observe(20, up(0.5))).as("equal is not better").isFalse();
        assertThat(stop.reached()).as("one is endured").isFalse();
        assertThat(stop.observe(30, up(0.6))).isTrue();
        assertThat(stop.observe(40, up(0.1))).isFalse();
        assertThat(stop.reached()).isFalse();
        assertThat(stop.observe(50, up(0.2))).isFalse();
        assertThat(stop.reached()).isTrue();
        assertThat(stop.bestStep()).isEqualTo(30);
        assertThat(stop.bestIsBefore(50)).isTrue();
        assertThat(stop.bestIsBefore(30)).isFalse();
    }

    @Test
    void anImprovementIsLargerThanMinDeltaInTheScoresOwnDirection() {
        EarlyStop up = watching(5, 0.1);
        up.observe(1, up(0.5));
        assertThat(up.observe(2, up(0.59))).isFalse();
        assertThat(up.observe(3, up(0.61))).isTrue();
        EarlyStop down = watching(5, 0.1);
        down.observe(1, down(0.5));
        assertThat(down.observe(2, down(0.41))).isFalse();
        assertThat(down.observe(3, down(0.39))).isTrue();
    }

    @Test
    void anUndefinedScoreIsNeverTheBest() {
        EarlyStop stop = watching(0, 0);
        assertThat(stop.observe(1, up(Double.NaN))).isFalse();
        assertThat(stop.reached()).isTrue();
        assertThat(stop.bestIsBefore(2)).isFalse();
        assertThat(stop.observe(2, up(0.1))).isTrue();
        assertThat(stop.observe(3, up(Double.NaN))).isFalse();
    }

    @Test
    void itGoesOnWhereItWasSaved() {
        EarlyStop first = watching(1, 0);
        first.observe(1, up(0.1 + 0.2));
        first.observe(2, up(0));
        EarlyStop second = watching(1, 0);
        second.restore(first.state());
        assertThat(second.observe(3, up(0.1 + 0.2))).isFalse();
        assertThat(second.reached()).isTrue();
        assertThat(second.bestStep()).isEqualTo(1);
        EarlyStop fresh = watching(1, 0);
        fresh.restore(watching(1, 0).state());
        assertThat(fresh.observe(1, up(0))).isTrue();
    }

    @Test
    void withoutSettingsItNeverStops() {
        EarlyStop none = new EarlyStop(Optional.empty());
        assertThat(none.observe(1, up(1))).isFalse();
        assertThat(none.reached()).isFalse();
        assertThat(none.bestIsBefore(1)).isFalse();
    }

    @Test
    void aScoreThatIsNotThereIsNamed() {
        assertThatThrownBy(() -> watching(1, 0).observe(1, List.of()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("no score 'f1'");
    }
}
