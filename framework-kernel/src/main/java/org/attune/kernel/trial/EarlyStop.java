package org.attune.kernel.trial;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import org.attune.evaluation.Score;
import org.attune.kernel.spec.TrialSpec;
import org.attune.plugin.UserError;

/** Watches one score over a trial's evaluations. With no early stopping in the spec it never ends a trial. */
final class EarlyStop {
    private final Optional<TrialSpec.EarlyStopping> settings;
    private double best = Double.NaN;
    private long bestStep;
    private int bad;

    EarlyStop(Optional<TrialSpec.EarlyStopping> settings) {
        this.settings = settings;
    }

    /**
     * Takes note of an evaluation.
     *
     * @return whether this is the best so far
     * @throws UserError if no score has the name that the spec watches
     */
    boolean observe(long step, List<Score> scores) {
        if (settings.isEmpty()) {
            return false;
        }
        TrialSpec.EarlyStopping s = settings.get();
        Score score = score("early_stopping.metric", s.metric(), scores);
        double needed = score.direction() == Score.Direction.UP ? best + s.minDelta() : best - s.minDelta();
        if (Score.better(score.direction(), score.value(), needed)) {
            best = score.value();
            bestStep = step;
            bad = 0;
            return true;
        }
        bad++;
        return false;
    }

    /** @param key of the spec that names the score */
    static Score score(String key, String name, List<Score> scores) {
        return scores.stream()
                .filter(score -> score.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new UserError(key + ": no score '" + name + "'; the evaluation gives "
                        + scores.stream().map(Score::name).toList()));
    }

    /** Whether patience has run out. */
    boolean reached() {
        return settings.isPresent() && bad > settings.get().patience();
    }

    /** Whether an earlier state than that of {@code step} was better. */
    boolean bestIsBefore(long step) {
        return !Double.isNaN(best) && bestStep != step;
    }

    long bestStep() {
        return bestStep;
    }

    /** What a resumed run needs. */
    ObjectNode state() {
        ObjectNode state = JsonNodeFactory.instance.objectNode();
        if (!Double.isNaN(best)) {
            state.put("best", best);
        }
        return state.put("best_step", bestStep).put("bad", bad);
    }

    void restore(ObjectNode state) {
        best = state.path("best").asDouble(Double.NaN);
        bestStep = state.path("best_step").asLong();
        bad = state.path("bad").asInt();
    }
}
