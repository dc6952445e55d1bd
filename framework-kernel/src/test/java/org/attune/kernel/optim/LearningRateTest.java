package org.attune.kernel.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.stream.Stream;
import org.attune.kernel.spec.Schedule;
import org.attune.kernel.spec.Schedule.Wsd.Shape;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class LearningRateTest {
    private static Stream<Arguments> schedules() {
        return Stream.of(
                Arguments.of("constant_with_warmup", new Schedule.Constant(10), 100),
                Arguments.of("linear", new Schedule.Linear(10), 100),
                Arguments.of("linear-nowarmup", new Schedule.Linear(0), 100),
                Arguments.of("cosine", new Schedule.Cosine(10, 0.5, 0), 100),
                Arguments.of("cosine-1.5-cycles", new Schedule.Cosine(10, 1.5, 0), 100),
                Arguments.of("cosine_with_min_lr", new Schedule.Cosine(10, 0.5, 0.1), 100),
                Arguments.of("cosine_with_restarts", new Schedule.CosineRestarts(10, 3), 100),
                Arguments.of("polynomial", new Schedule.Polynomial(10, 2, 0.1), 100),
                Arguments.of("polynomial-default", new Schedule.Polynomial(10, 1, 1e-7), 100),
                Arguments.of("inverse_sqrt", new Schedule.InverseSqrt(10, 0), 100),
                Arguments.of("inverse_sqrt-timescale", new Schedule.InverseSqrt(10, 40), 100),
                Arguments.of("warmup_stable_decay", new Schedule.Wsd(10, 30, Shape.COSINE, 0), 100),
                Arguments.of("warmup_stable_decay-linear-min", new Schedule.Wsd(10, 25, Shape.LINEAR, 0.1), 95),
                Arguments.of("warmup_stable_decay-1-sqrt", new Schedule.Wsd(10, 20, Shape.ONE_MINUS_SQRT, 0), 100));
    }

    @ParameterizedTest
    @MethodSource("schedules")
    void equalsHuggingFaceBeyondTheLastStep(String name, Schedule schedule, long total) throws IOException {
        JsonNode all =
                new ObjectMapper().readTree(Golden.path("optim/schedules.json").toFile());
        JsonNode expected = all.get("lambda_schedules").get(name).get("multipliers");
        LearningRate rate = new LearningRate(schedule, total);
        assertThat(expected.size()).isGreaterThan(100);
        for (int step = 0; step < expected.size(); step++) {
            assertThat(rate.multiplier(step))
                    .as("step %d", step)
                    .isCloseTo(expected.get(step).doubleValue(), within(1e-15));
        }
    }

    private static Stream<Arguments> cycles() {
        return Stream.of(
                Arguments.of("onecycle", new Schedule.OneCycle(0.3, 25, 1e4, false, false, true, 0.85, 0.95)),
                Arguments.of("onecycle-linear", new Schedule.OneCycle(0.25, 25, 1e4, true, false, true, 0.85, 0.95)),
                Arguments.of(
                        "onecycle-three-phase", new Schedule.OneCycle(0.4, 10, 100, false, true, true, 0.85, 0.95)));
    }

    @ParameterizedTest
    @MethodSource("cycles")
    void equalsPyTorch(String name, Schedule schedule) throws IOException {
        JsonNode all =
                new ObjectMapper().readTree(Golden.path("optim/schedules.json").toFile());
        JsonNode expected = all.get("onecycle").get(name).get("lr");
        JsonNode momentum = all.get("onecycle").get(name).get("momentum");
        LearningRate rate = new LearningRate(schedule, 100);
        assertThat(expected.size()).isEqualTo(100);
        for (int step = 0; step < 100; step++) {
            assertThat(rate.multiplier(step))
                    .as("step %d", step)
                    .isCloseTo(expected.get(step).doubleValue(), within(1e-15));
            assertThat(rate.momentum(step).orElseThrow())
                    .as("momentum of step %d", step)
                    .isCloseTo(momentum.get(step).doubleValue(), within(1e-15));
        }
        assertThat(rate.multiplier(100)).isEqualTo(rate.multiplier(99));
    }

    /** A few of the numbers above, for where the file is absent. */
    @ParameterizedTest
    @CsvSource({
        "constant, 0, 0",
        "constant, 3, 0.3",
        "constant, 99, 1",
        "linear, 9, 0.9",
        "linear, 10, 1",
        "linear, 11, 0.9888888888888889",
        "linear, 100, 0",
        "linear, 104, 0",
        "cosine, 5, 0.5",
        "cosine, 10, 1",
        "cosine, 12, 0.9987820251299121",
        "cosine, 100, 0",
    })
    void equalsKnownNumbers(String name, long step, double expected) {
        Schedule schedule = switch (name) {
            case "constant" -> new Schedule.Constant(10);
            case "linear" -> new Schedule.Linear(10);
            default -> new Schedule.Cosine(10, 0.5, 0);
        };
        assertThat(new LearningRate(schedule, 100).multiplier(step)).isCloseTo(expected, within(1e-15));
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "0.06, 15", "0.001, 1", "0.999, 249", "1, 1", "40, 40"})
    void aWarmupBelowOneIsAShare(double warmup, long steps) {
        assertThat(new LearningRate(new Schedule.Linear(warmup), 250).warmup()).isEqualTo(steps);
    }

    @Test
    void aBrokenNumberOfStepsIsRefused() {
        for (double warmup : new double[] {-1, 2.5, Double.NaN}) {
            assertThatThrownBy(() -> new Schedule.Linear(warmup))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(
                            "warmup must be a share of all steps below 1 or a whole number of steps, found " + warmup);
        }
    }
}
