package org.attune.peft.freezing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.attune.kernel.step.Course;
import org.attune.peft.freezing.GradualFreezingOptions.Rule;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Test;

/** Which weights each step of a trial trains, of an embedding (-1), layers 0 to 3 and a map above them (4). */
class FreezingTest {
    @Test
    void oneGroupMoreIsTrainedEachEpoch() {
        GradualUnfreezingOptions options = new GradualUnfreezingOptions(0, 2.6);
        try (Stack stack = new Stack(new GradualUnfreezing(), options, new Course(14, 2))) {
            assertThat(stack.lowest(14)).containsExactly(4, 4, 3, 3, 2, 2, 1, 1, 0, 0, -1, -1, -1, -1);
        }
    }

    @Test
    void aTrialOfFewEpochsUnfreezesAllOfTheModelToo() {
        GradualUnfreezingOptions options = new GradualUnfreezingOptions(0, 2.6);
        try (Stack stack = new Stack(new GradualUnfreezing(), options, new Course(12, 100))) {
            assertThat(stack.lowest(12)).containsExactly(4, 4, 3, 3, 2, 2, 1, 1, 0, 0, -1, -1);
        }
    }

    @Test
    void lowerGroupsHaveLowerLearningRates() {
        GradualUnfreezingOptions options = new GradualUnfreezingOptions(1, 2.6);
        try (Stack stack = new Stack(new GradualUnfreezing(), options, new Course(6, 6))) {
            stack.lowest(5);
            Map<String, Double> moved = stack.step();
            // With betas of 0 Adam moves each element by its learning rate, 0.1 at the top.
            for (int part = 4; part >= -1; part--) {
                assertThat(moved.get(Stack.name(part)))
                        .as("part %s", part)
                        .isCloseTo(0.1 / Math.pow(2.6, 4 - part), within(1e-6));
            }
        }
    }

    @Test
    void layersFreezeAtFixedTimes() {
        GradualFreezingOptions options = new GradualFreezingOptions(Rule.FIXED, 20, 50, 0.5);
        try (Stack stack = new Stack(new GradualFreezing(), options, new Course(100, 100))) {
            List<Integer> lowest = stack.lowest(100);
            // (0.5 + 0.5 l / 4)^3 = .244, .422, .670
            assertThat(lowest.subList(0, 25)).containsOnly(-1);
            assertThat(lowest.subList(25, 43)).containsOnly(1);
            assertThat(lowest.subList(43, 67)).containsOnly(2);
            assertThat(lowest.subList(67, 100)).containsOnly(3);
        }
    }

    @Test
    void layersWhoseGradientsNoLongerChangeFreezeFromTheInputUp() {
        GradualFreezingOptions options = new GradualFreezingOptions(Rule.AUTO, 10, 50, 0);
        try (Stack stack = new Stack(new GradualFreezing(), options, new Course(30, 30))) {
            List<Integer> lowest = stack.lowest(30);
            assertThat(lowest.subList(0, 5)).containsOnly(-1); // the second interval ends with the sixth step
            assertThat(lowest).isSorted();
            assertThat(lowest.get(29)).isGreaterThan(0).isLessThan(Stack.LAYERS);
        }
    }

    @Test
    void aHighestPercentileFreezesUpToTheLayerThatChangesMost() {
        GradualFreezingOptions all = new GradualFreezingOptions(Rule.AUTO, 10, 100, 0);
        GradualFreezingOptions none = new GradualFreezingOptions(Rule.AUTO, 10, 0, 0);
        try (Stack most = new Stack(new GradualFreezing(), all, new Course(30, 30));
                Stack least = new Stack(new GradualFreezing(), none, new Course(30, 30))) {
            assertThat(most.lowest(30).get(29)).isEqualTo(3);
            assertThat(least.lowest(30)).containsOnly(-1);
        }
    }

    @Test
    void percentilesAreNumPys() {
        double[] values = {5, 1, 2, 10};
        assertThat(AutoFreeze.percentile(values, 50)).isEqualTo(3.5);
        assertThat(AutoFreeze.percentile(values, 0)).isEqualTo(1);
        assertThat(AutoFreeze.percentile(values, 100)).isEqualTo(10);
        assertThat(AutoFreeze.percentile(values, 40)).isCloseTo(2.6, within(1e-12));
    }

    @Test
    void optionsThatWouldDoNothingAreRefused() {
        assertThatThrownBy(() -> first(new GradualUnfreezing(), new GradualUnfreezingOptions(10, 2.6), 10))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("gradual-unfreezing: every is 10 and the trial has 10 steps");
        assertThatThrownBy(() -> first(new GradualFreezing(), new GradualFreezingOptions(Rule.AUTO, 20, 50, 0), 19))
                .hasMessageStartingWith("gradual-freezing: intervals is 20 and the trial has 19 steps");
        assertThatThrownBy(() -> first(new GradualFreezing(), new GradualFreezingOptions(Rule.FIXED, 20, 50, 1), 19))
                .hasMessageStartingWith("gradual-freezing: with first 1.0 no layer would freeze");
        assertThatThrownBy(() -> first(new LpFt(), new LpFtOptions(0, 0.1), 10))
                .hasMessageStartingWith("lp-ft: probe takes 0 of the trial's 10 steps");
        assertThatThrownBy(() -> first(new LpFt(), new LpFtOptions(10, 0.1), 10))
                .hasMessageStartingWith("lp-ft: probe takes 10 of the trial's 10 steps");
    }

    private static <O extends Record> void first(org.attune.training.Adapter<O> adapter, O options, int steps) {
        try (Stack stack = new Stack(adapter, options, new Course(steps, steps))) {
            stack.step();
        }
    }

    @Test
    void theModelIsTrainedAfterTheHead() {
        try (Stack stack = new Stack(new LpFt(), new LpFtOptions(0.5, 0.25), new Course(6, 2))) {
            for (int step = 0; step < 3; step++) {
                assertThat(stack.step()).isEmpty(); // there is no head here
            }
            assertThat(stack.step())
                    .hasSize(Stack.LAYERS + 2)
                    .allSatisfy((name, moved) -> assertThat(moved).isCloseTo(0.025, within(1e-6)));
        }
    }
}
