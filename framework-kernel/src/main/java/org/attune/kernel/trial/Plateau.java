package org.attune.kernel.trial;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import org.attune.evaluation.Score;
import org.attune.kernel.spec.Schedule;
import org.attune.plugin.UserError;

/**
 * Lowers the learning rate where a score no longer improves over a trial's evaluations, as PyTorch's {@code ReduceLROnPlateau} does.
 * With another schedule it never does.
 */
final class Plateau {
    /** A change of the learning rate that is no larger is left out. */
    private static final double EPS = 1e-8;

    private final Optional<Schedule.Plateau> settings;
    private final double peak;
    private double best = Double.NaN;
    private int bad;
    private int cooling;
    private double share = 1;

    /** @param peak learning rate */
    Plateau(Schedule schedule, double peak) {
        this.settings = schedule instanceof Schedule.Plateau plateau ? Optional.of(plateau) : Optional.empty();
        this.peak = peak;
    }

    /**
     * Takes note of an evaluation.
     *
     * @throws UserError if no score has the name that the spec watches
     */
    void observe(List<Score> scores) {
        settings.ifPresent(s -> observe(s, EarlyStop.score("schedule.metric", s.metric(), scores)));
    }

    private void observe(Schedule.Plateau s, Score score) {
        double sign = score.direction() == Score.Direction.UP ? 1 : -1;
        double needed = best + sign * (s.absolute() ? s.threshold() : s.threshold() * best);
        if (Score.better(score.direction(), score.value(), needed)) {
            best = score.value();
            bad = 0;
        } else {
            bad++;
        }
        if (cooling > 0) {
            cooling--;
            bad = 0;
        }
        if (bad > s.patience()) {
            double lower = Math.max(share * s.factor(), s.min());
            share = (share - lower) * peak > EPS ? lower : share;
            cooling = s.cooldown();
            bad = 0;
        }
    }

    /** The learning rate now, as a share of what it would be otherwise. */
    double share() {
        return share;
    }

    /** What a resumed run needs. */
    ObjectNode state() {
        ObjectNode state = JsonNodeFactory.instance.objectNode();
        if (!Double.isNaN(best)) {
            state.put("best", best);
        }
        return state.put("bad", bad).put("cooling", cooling).put("share", share);
    }

    void restore(ObjectNode state) {
        best = state.path("best").asDouble(Double.NaN);
        bad = state.path("bad").asInt();
        cooling = state.path("cooling").asInt();
        share = state.path("share").asDouble(1);
    }
}
