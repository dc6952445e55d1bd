package org.attune.kernel.trial;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.attune.evaluation.Baseline;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.Score;
import org.attune.evaluation.Table;
import org.attune.kernel.plugins.PluginKind;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.TrialSpec;
import org.attune.kernel.step.Stepper;
import org.attune.plugin.Plugin;
import org.attune.plugin.UserError;
import org.attune.training.Sample;

/** A trial's metrics, over its own predictions and over those of its baselines. */
final class Scoring {
    private final TrialSpec spec;
    private final Materials materials;
    private final Stepper stepper;
    private final Plugins plugins;

    /** Runs code with a plug-in that may come and go. */
    @FunctionalInterface
    interface Plugins {
        <P extends Plugin<?>, T> T use(PluginKind<P> kind, PluginRef ref, Function<P, T> body);
    }

    /** What metrics say of predictions. */
    record Evaluation(List<Score> scores, List<Table> tables) {
        static final Evaluation NONE = new Evaluation(List.of(), List.of());
    }

    Scoring(TrialSpec spec, Materials materials, Stepper stepper, Plugins plugins) {
        this.spec = spec;
        this.materials = materials;
        this.stepper = stepper;
        this.plugins = plugins;
    }

    /** A metric of another kind would be found out only after the first part of the training. */
    void check(Class<? extends Prediction> predicted) {
        for (PluginRef ref : spec.evaluate().metrics()) {
            Class<? extends Prediction> read = plugins.use(PluginKind.METRIC, ref, Metric::reads);
            if (!read.isAssignableFrom(predicted)) {
                throw new UserError("metric '" + ref.name() + "' reads predictions of the kind " + read.getSimpleName()
                        + ", the trainer '" + spec.trainer().name() + "' makes " + predicted.getSimpleName()
                        + "; choose other metrics in evaluate");
            }
        }
        if (!spec.baselines().isEmpty() && !ClassPrediction.class.isAssignableFrom(predicted)) {
            throw new UserError("baselines are for classification; the trainer '"
                    + spec.trainer().name() + "' makes predictions of the kind " + predicted.getSimpleName());
        }
    }

    Evaluation measure(List<? extends Prediction> predictions) {
        List<Score> scores = new ArrayList<>();
        List<Table> tables = new ArrayList<>();
        for (PluginRef ref : spec.evaluate().metrics()) {
            Evaluation part = plugins.use(PluginKind.METRIC, ref, metric -> {
                Metric.Accumulator accumulator = accumulator(metric, ref);
                predictions.forEach(accumulator::add);
                return new Evaluation(accumulator.scores(), accumulator.tables());
            });
            scores.addAll(part.scores());
            tables.addAll(part.tables());
        }
        return new Evaluation(List.copyOf(scores), List.copyOf(tables));
    }

    private <O extends Record> Metric.Accumulator accumulator(Metric<O> metric, PluginRef ref) {
        return metric.open(PluginSet.options(metric, ref, PluginKind.METRIC, spec.base()), materials.labels());
    }

    /** The scores of each baseline by its name. */
    Map<String, List<Score>> baselines() {
        Map<String, List<Score>> results = new LinkedHashMap<>();
        for (PluginRef ref : spec.baselines()) {
            List<ClassPrediction> predictions =
                    plugins.use(PluginKind.BASELINE, ref, baseline -> predict(baseline, ref));
            results.put(ref.name(), measure(predictions).scores());
        }
        return results;
    }

    private <O extends Record> List<ClassPrediction> predict(Baseline<O> baseline, PluginRef ref) {
        Baseline.Task task = new Baseline.Task(
                materials.trainTexts(),
                classes(materials.train()),
                materials.evaluationTexts(),
                classes(materials.evaluation()),
                materials.labels().size(),
                () -> stepper.embed(materials.train()),
                () -> stepper.embed(materials.evaluation()),
                spec.seed());
        return baseline.predict(PluginSet.options(baseline, ref, PluginKind.BASELINE, spec.base()), task);
    }

    private static int[] classes(List<Sample> samples) {
        return samples.stream().mapToInt(s -> s.labels()[0]).toArray();
    }
}
