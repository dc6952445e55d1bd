package org.attune.kernel.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.attune.kernel.spec.TrialSpec.Schedule;
import org.attune.kernel.spec.TrialSpec.Schedule.Kind;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LearningRateTest {
    @ParameterizedTest
    @CsvSource({
        "constant_with_warmup, CONSTANT, 10",
        "linear, LINEAR, 10",
        "linear-nowarmup, LINEAR, 0",
        "cosine, COSINE, 10",
    })
    void equalsHuggingFaceBeyondTheLastStep(String name, Kind kind, double warmup) throws IOException {
        JsonNode all =
                new ObjectMapper().readTree(Golden.path("optim/schedules.json").toFile());
        JsonNode expected = all.get("lambda_schedules").get(name).get("multipliers");
        LearningRate rate = new LearningRate(new Schedule(kind, warmup), 100);
        assertThat(expected.size()).isGreaterThan(100);
        for (int step = 0; step < expected.size(); step++) {
            assertThat(rate.multiplier(step))
                    .as("step %d", step)
                    .isCloseTo(expected.get(step).doubleValue(), within(1e-15));
        }
    }

    /** A few of the numbers above, for where the file is absent. */
    @ParameterizedTest
    @CsvSource({
        "CONSTANT, 0, 0",
        "CONSTANT, 3, 0.3",
        "CONSTANT, 99, 1",
        "LINEAR, 9, 0.9",
        "LINEAR, 10, 1",
        "LINEAR, 11, 0.9888888888888889",
        "LINEAR, 100, 0",
        "LINEAR, 104, 0",
        "COSINE, 5, 0.5",
        "COSINE, 10, 1",
        "COSINE, 12, 0.9987820251299121",
        "COSINE, 100, 0",
    })
    void equalsKnownNumbers(Kind kind, long step, double expected) {
        assertThat(new LearningRate(new Schedule(kind, 10), 100).multiplier(step))
                .isCloseTo(expected, within(1e-15));
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "0.06, 15", "0.001, 1", "0.999, 249", "1, 1", "40, 40"})
    void aWarmupBelowOneIsAShare(double warmup, long steps) {
        assertThat(new LearningRate(new Schedule(Kind.LINEAR, warmup), 250).warmup())
                .isEqualTo(steps);
    }

    @Test
    void aBrokenNumberOfStepsIsRefused() {
        for (double warmup : new double[] {-1, 2.5, Double.NaN}) {
            assertThatThrownBy(() -> new Schedule(Kind.LINEAR, warmup))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(
                            "warmup must be a share of all steps below 1 or a whole number of steps, found " + warmup);
        }
    }
}
