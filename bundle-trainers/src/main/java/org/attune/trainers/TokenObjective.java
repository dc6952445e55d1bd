package org.attune.trainers;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.attune.data.Example;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.TextLikelihood;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Batch;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/**
 * Cross-entropy of tokens of a text: a step's loss is the mean over all that are to be predicted. A sample's labels stand at their
 * tokens, {@link #NOT_PREDICTED} at those that are not.
 */
abstract class TokenObjective implements Trainer.Objective {
    static final int NOT_PREDICTED = -100;

    final Model model;
    final int maxLength;
    private final LanguageHead head;
    private final int ahead;

    /** @param ahead how many tokens before the predicted one the state stands that says the most of it */
    TokenObjective(Model model, LanguageHead head, int maxLength, int ahead) {
        this.model = model;
        this.head = head;
        this.maxLength = Math.min(maxLength, model.maxLength());
        this.ahead = ahead;
    }

    static String text(Example example, String trainer) {
        String text = example.fields().get("text");
        if (text == null) {
            throw new UserError(example.id() + ": field 'text' is missing; " + trainer + " needs it, the example has "
                    + String.join(
                            ", ", example.fields().keySet().stream().sorted().toList()));
        }
        return text;
    }

    /** The ids that a sample asks to predict. */
    final int[] predicted(Sample sample) {
        return Arrays.stream(sample.labels())
                .skip(ahead)
                .filter(label -> label != NOT_PREDICTED)
                .toArray();
    }

    @Override
    public boolean labelsTokens() {
        return true;
    }

    @Override
    public double weight(Sample sample) {
        return predicted(sample).length;
    }

    @Override
    public Tensor logits(Forward forward, Batch batch) {
        return head.logits(forward, model.encode(forward));
    }

    /** The tokens of a batch whose states the predicted ones are predicted from, in order. */
    final int[] rows(Batch batch) {
        List<Sample> samples = batch.samples();
        IntStream.Builder rows = IntStream.builder();
        for (int s = 0; s < samples.size(); s++) {
            int[] labels = samples.get(s).labels();
            int first = batch.tokens().offsets()[s];
            for (int t = ahead; t < labels.length; t++) {
                if (labels[t] != NOT_PREDICTED) {
                    rows.add(first + t - ahead);
                }
            }
        }
        return rows.build().toArray();
    }

    /** The ids that a batch asks to predict, in order. */
    final int[] labels(Batch batch) {
        return batch.samples().stream()
                .flatMapToInt(sample -> Arrays.stream(predicted(sample)))
                .toArray();
    }

    /** The losses of all predicted tokens of a batch, in order [predicted]; null where there are none. */
    private Tensor losses(Forward forward, Batch batch) {
        int[] labels = labels(batch);
        return labels.length == 0 ? null : head.losses(forward, model.encode(forward, rows(batch)), labels);
    }

    @Override
    public Tensor loss(Forward forward, Batch batch) {
        Tensor losses = losses(forward, batch);
        return losses != null
                ? losses.sum()
                : Tensor.of(model.weights().values().iterator().next().engine(), Shape.SCALAR, 0f);
    }

    @Override
    public Class<? extends Prediction> predicts() {
        return TextLikelihood.class;
    }

    @Override
    public List<Prediction> predict(Forward forward, Batch batch) {
        Tensor losses = losses(forward, batch);
        double[] nats = losses == null ? new double[0] : losses.toDoubles();
        List<Prediction> predictions = new ArrayList<>();
        int from = 0;
        for (Sample sample : batch.samples()) {
            int[] ids = predicted(sample);
            int to = from + ids.length;
            int bytes = model.tokenizer().decode(ids).getBytes(StandardCharsets.UTF_8).length;
            double sum = Arrays.stream(nats, from, to).sum();
            predictions.add(new TextLikelihood(sample.example(), -sum, ids.length, bytes));
            from = to;
        }
        return predictions;
    }
}
