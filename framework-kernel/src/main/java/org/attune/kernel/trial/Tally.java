package org.attune.kernel.trial;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.attune.kernel.step.Course;
import org.attune.training.Sample;
import org.attune.trial.Progress;

/** What a trial has gone through in all its sittings: examples, tokens, seconds, and the loss of each step. */
final class Tally {
    private long examples;
    private long tokens;
    private double trainSeconds;
    private double evaluationSeconds;
    /** Examples a second, lately. */
    private double speed;

    private final List<double[]> curve = new ArrayList<>();

    void restore(RunRecord.Saved saved) {
        RunRecord.State state = saved.state();
        examples = state.examples();
        tokens = state.tokens();
        trainSeconds = state.trainSeconds();
        evaluationSeconds = state.evaluationSeconds();
        curve.addAll(saved.curve());
    }

    /** A step with these samples took so many seconds. */
    void trained(List<Sample> samples, double seconds) {
        examples += samples.size();
        for (Sample s : samples) {
            tokens += s.ids().length;
        }
        trainSeconds += seconds;
        double rate = samples.size() / seconds;
        speed = speed == 0 ? rate : 0.9 * speed + 0.1 * rate;
    }

    /** What frozen layers give to training was computed, in so many seconds. */
    void kept(double seconds) {
        trainSeconds += seconds;
    }

    void evaluated(double seconds) {
        evaluationSeconds += seconds;
    }

    /** @param steps done, the one of this loss among them */
    void loss(long steps, double loss) {
        curve.add(new double[] {steps, loss});
    }

    Progress progress(long steps, Course course, double loss) {
        Duration left = steps == 0
                ? null
                : Duration.ofMillis((long) (1000 * trainSeconds / steps * Math.max(0, course.steps() - steps)));
        return new Progress(
                steps,
                course.steps(),
                (double) steps / course.stepsPerEpoch(),
                loss,
                examples,
                tokens,
                speed,
                Duration.ofMillis((long) (1000 * trainSeconds)),
                left);
    }

    long examples() {
        return examples;
    }

    long tokens() {
        return tokens;
    }

    double trainSeconds() {
        return trainSeconds;
    }

    double evaluationSeconds() {
        return evaluationSeconds;
    }

    /** Steps and their losses, in order. */
    List<double[]> curve() {
        return List.copyOf(curve);
    }
}
