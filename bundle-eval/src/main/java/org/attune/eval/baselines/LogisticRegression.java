package org.attune.eval.baselines;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.attune.eval.TribuoLog;
import org.attune.evaluation.Baseline.Task;
import org.attune.evaluation.ClassPrediction;
import org.tribuo.Example;
import org.tribuo.Feature;
import org.tribuo.MutableDataset;
import org.tribuo.classification.Label;
import org.tribuo.classification.LabelFactory;
import org.tribuo.classification.sgd.linear.LinearSGDTrainer;
import org.tribuo.classification.sgd.objectives.LogMulticlass;
import org.tribuo.impl.ArrayExample;
import org.tribuo.math.optimisers.AdaGrad;
import org.tribuo.provenance.SimpleDataSourceProvenance;

/** Tribuo's multinomial logistic regression on given features. One thread, so the seed decides the result. */
final class LogisticRegression {
    static {
        TribuoLog.quiet();
    }

    private static final double ADAGRAD_EPSILON = 0.1; // Tribuo's default
    private static final int NO_LOGGING = -1;
    private static final int ONE_EXAMPLE_A_STEP = 1;

    private LogisticRegression() {}

    /**
     * Learns and predicts.
     *
     * @param train and test the features of the task's texts, each at most once a text
     */
    static List<ClassPrediction> predict(
            LogisticOptions options, Task task, List<List<Feature>> train, List<List<Feature>> test) {
        LabelFactory labels = new LabelFactory();
        MutableDataset<Label> data = new MutableDataset<>(new SimpleDataSourceProvenance("baseline", labels), labels);
        for (int i = 0; i < train.size(); i++) {
            data.add(example(train.get(i), task.trainLabels()[i]));
        }
        var model = new LinearSGDTrainer(
                        new LogMulticlass(),
                        new AdaGrad(options.learningRate(), ADAGRAD_EPSILON),
                        options.epochs(),
                        NO_LOGGING,
                        ONE_EXAMPLE_A_STEP,
                        task.seed())
                .train(data);
        List<ClassPrediction> predictions = new ArrayList<>();
        for (int i = 0; i < test.size(); i++) {
            int gold = task.testLabels()[i];
            double[] probabilities = new double[task.classes()]; // 0 for a class that was never seen
            Map<String, Label> scores =
                    model.predict(example(test.get(i), gold)).getOutputScores();
            scores.forEach((number, score) -> probabilities[Integer.parseInt(number)] = score.getScore());
            predictions.add(new ClassPrediction(i, gold, probabilities));
        }
        return predictions;
    }

    private static Example<Label> example(List<Feature> features, int label) {
        ArrayExample<Label> example = new ArrayExample<>(new Label(Integer.toString(label)), features);
        example.add("always", 1); // Tribuo refuses an example without known features, such as an empty text
        return example;
    }
}
