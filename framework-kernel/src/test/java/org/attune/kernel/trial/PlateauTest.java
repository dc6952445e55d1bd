package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import org.attune.evaluation.Score;
import org.attune.kernel.spec.Schedule;
import org.attune.plugin.UserError;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlateauTest {
    /** Expected values: make_extras.py, PyTorch. Half-way it goes on from a checkpoint. */
    @ParameterizedTest
    @ValueSource(strings = {"min-rel", "min-abs-cooldown", "max-rel"})
    void equalsPyTorch(String name) throws IOException {
        JsonNode all = new ObjectMapper()
                .readTree(Golden.path("optim/schedules.json").toFile())
                .get("plateau");
        JsonNode run = all.get("runs").get(name);
        JsonNode args = run.get("args");
        Schedule schedule = new Schedule.Plateau(
                0,
                "loss",
                args.get("factor").asDouble(),
                args.get("patience").asInt(),
                args.get("threshold").asDouble(),
                args.get("threshold_mode").asText().equals("abs"),
                args.get("cooldown").asInt(),
                args.get("min_lr").asDouble());
        Score.Direction direction = args.get("mode").asText().equals("max") ? Score.Direction.UP : Score.Direction.DOWN;
        Plateau plateau = new Plateau(schedule, 1);
        for (int step = 0; step < all.get("metrics").size(); step++) {
            if (step == 13) {
                Plateau resumed = new Plateau(schedule, 1);
                resumed.restore(plateau.state());
                plateau = resumed;
            }
            plateau.observe(
                    List.of(new Score("loss", all.get("metrics").get(step).asDouble(), direction)));
            assertThat(plateau.share())
                    .as("step %d", step)
                    .isCloseTo(run.get("lr_after_each_step").get(step).asDouble(), within(1e-15));
        }
    }

    @Test
    void aScoreThatIsNotThereIsNamed() {
        Plateau plateau = new Plateau(new Schedule.Plateau(0, "f1", 0.1, 1, 0, false, 0, 0), 1);
        assertThatThrownBy(() -> plateau.observe(List.of(new Score("loss", 1, Score.Direction.DOWN))))
                .isInstanceOf(UserError.class)
                .hasMessage("schedule.metric: no score 'f1'; the evaluation gives [loss]");
    }

    @Test
    void anotherScheduleIsLeftAlone() {
        Plateau plateau = new Plateau(new Schedule.Linear(0), 1);
        plateau.observe(List.of());
        assertThat(plateau.share()).isEqualTo(1);
    }
}
