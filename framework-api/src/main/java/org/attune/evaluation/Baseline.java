package org.attune.evaluation;

import java.util.List;
import java.util.function.Supplier;
import org.attune.plugin.Plugin;
import org.osgi.annotation.versioning.ConsumerType;

/** A simple method on the same task, so that a report can show what it reaches beside the fine-tuned model. */
@ConsumerType
public interface Baseline<O extends Record> extends Plugin<O> {
    /** Learns from the training part and predicts the test part; one prediction a test example, in order. */
    List<ClassPrediction> predict(O options, Task task);

    /**
     * A classification task.
     *
     * @param train and test the texts
     * @param trainLabels and testLabels class numbers, as many as texts
     * @param classes how many classes there are
     * @param trainEmbeddings and testEmbeddings one vector a text [texts, hidden] from the frozen base model; computed when asked
     * @param seed the trial's seed
     */
    record Task(
            List<String> train,
            int[] trainLabels,
            List<String> test,
            int[] testLabels,
            int classes,
            Supplier<float[][]> trainEmbeddings,
            Supplier<float[][]> testEmbeddings,
            long seed) {}
}
