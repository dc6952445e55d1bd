package org.attune.trial;

import java.util.List;
import java.util.Map;
import org.attune.evaluation.Score;
import org.attune.evaluation.Table;

/**
 * How a trial ended.
 *
 * @param scores of the final evaluation
 * @param tables of the final evaluation
 * @param trainable trained parameters
 * @param total parameters of the model with what was added
 * @param seconds spent in training steps
 * @param evaluationSeconds spent in evaluations
 * @param peakBytes peak resident memory of the process
 * @param examples used in training
 * @param tokens real tokens used in training
 * @param curve pairs of step and training loss
 * @param baselines scores of simple methods on the same task, by name
 * @param precision in which the base model was held and activations were computed: {@code bfloat16}
 * @param skippedSteps steps without an update, as their gradients overflowed: float16 alone
 */
public record TrialReport(
        List<Score> scores,
        List<Table> tables,
        long trainable,
        long total,
        double seconds,
        double evaluationSeconds,
        long peakBytes,
        long examples,
        long tokens,
        List<double[]> curve,
        Map<String, List<Score>> baselines,
        String precision,
        long skippedSteps) {}
