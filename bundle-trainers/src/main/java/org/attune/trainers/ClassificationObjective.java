package org.attune.trainers;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.data.Example;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Prediction;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.training.Batch;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/** {@link Classification} of one trial: softmax over {@code head(drop(pool(hidden)))}. */
final class ClassificationObjective implements Trainer.Objective {
    private static final int LISTED = 30;

    private final ClassificationOptions options;
    private final Model model;
    private final List<String> labels;
    private final Map<String, Integer> numbers = new HashMap<>();
    private final int maxLength;

    ClassificationObjective(ClassificationOptions options, Model model, List<String> labels) {
        this.options = options;
        this.model = model;
        this.labels = labels;
        this.maxLength = Math.min(options.maxLength(), model.maxLength());
        for (String label : labels) {
            numbers.put(label, numbers.size());
        }
    }

    @Override
    public Sample prepare(Example example, long index) {
        int[] ids = model.tokenizer().encode(field(example, "text"), maxLength);
        return new Sample(index, ids, new int[ids.length], new int[] {number(example)});
    }

    private static String field(Example example, String name) {
        String value = example.fields().get(name);
        if (value == null) {
            throw new UserError(example.id() + ": field '" + name
                    + "' is missing; classification needs text and label, " + "the example has "
                    + String.join(
                            ", ", example.fields().keySet().stream().sorted().toList()));
        }
        return value;
    }

    private int number(Example example) {
        String label = field(example, "label");
        Integer number = numbers.get(label);
        if (number == null) {
            String more = labels.size() > LISTED ? " and " + (labels.size() - LISTED) + " more" : "";
            throw new UserError(example.id() + ": label '" + label + "' was not seen in training; known labels: "
                    + String.join(", ", labels.subList(0, Math.min(LISTED, labels.size()))) + more);
        }
        return number;
    }

    @Override
    public double weight(Sample sample) {
        return 1;
    }

    @Override
    public Tensor logits(Forward forward, Batch batch) {
        String head = model.classifierPath();
        Tensor pooled = options.pooling().pool(model, forward);
        return forward.linear(head, forward.dropout(head, pooled, options.dropout()));
    }

    @Override
    public Tensor loss(Forward forward, Batch batch) {
        int[] classes = batch.samples().stream().mapToInt(s -> s.labels()[0]).toArray();
        return logits(forward, batch).crossEntropy(classes).sum();
    }

    @Override
    public Optional<String> task() {
        // Hugging Face's classifiers read a sequence in the model's own way and in no other.
        return options.pooling() == Pooling.MODEL ? Optional.of("SEQ_CLS") : Optional.empty();
    }

    @Override
    public List<Prediction> predict(Forward forward, Batch batch) {
        double[] logits = logits(forward, batch).toDoubles();
        int classes = labels.size();
        List<Prediction> predictions = new ArrayList<>();
        for (int i = 0; i < batch.samples().size(); i++) {
            Sample sample = batch.samples().get(i);
            predictions.add(
                    new ClassPrediction(sample.example(), sample.labels()[0], softmax(logits, i * classes, classes)));
        }
        return predictions;
    }

    /** In double: a log loss of float probabilities would round small ones to 0. */
    private static double[] softmax(double[] logits, int from, int n) {
        double max = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, logits[from + i]);
        }
        double[] p = new double[n];
        double sum = 0;
        for (int i = 0; i < n; i++) {
            p[i] = Math.exp(logits[from + i] - max);
            sum += p[i];
        }
        for (int i = 0; i < n; i++) {
            p[i] /= sum;
        }
        return p;
    }
}
