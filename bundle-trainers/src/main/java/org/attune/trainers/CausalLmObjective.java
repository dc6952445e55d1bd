package org.attune.trainers;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
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

/** {@link CausalLm} of one trial. A sample's labels stand at their tokens, -100 at those that are not to be predicted. */
final class CausalLmObjective implements Trainer.Objective {
    private static final int NOT_PREDICTED = -100;

    private final Model model;
    private final LanguageHead head;
    private final int maxLength;

    CausalLmObjective(Model model, LanguageHead head, int maxLength) {
        this.model = model;
        this.head = head;
        this.maxLength = maxLength;
    }

    @Override
    public Sample prepare(Example example, long index) {
        String text = example.fields().get("text");
        if (text == null) {
            throw new UserError(example.id() + ": field 'text' is missing; causal-lm needs it, the example has "
                    + String.join(
                            ", ", example.fields().keySet().stream().sorted().toList()));
        }
        int[] ids = model.tokenizer().encode(text, maxLength);
        return new Sample(index, ids, new int[ids.length], ids);
    }

    /** The ids that a sample asks to predict. */
    private static IntStream predicted(Sample sample) {
        return Arrays.stream(sample.labels()).skip(1).filter(label -> label != NOT_PREDICTED);
    }

    @Override
    public double weight(Sample sample) {
        return predicted(sample).count();
    }

    @Override
    public Tensor logits(Forward forward, Batch batch) {
        return head.logits(forward, model.encode(forward));
    }

    /** The losses of all predicted tokens of a batch, in order [predicted]; null where there are none. */
    private Tensor losses(Forward forward, Batch batch) {
        List<Sample> samples = batch.samples();
        int[] rows = new int[batch.tokens().tokens()];
        int n = 0;
        for (int s = 0; s < samples.size(); s++) {
            int[] labels = samples.get(s).labels();
            int first = batch.tokens().offsets()[s];
            for (int t = 1; t < labels.length; t++) {
                if (labels[t] != NOT_PREDICTED) {
                    rows[n++] = first + t - 1; // what says the most of a token is the state of the one before it
                }
            }
        }
        if (n == 0) {
            return null;
        }
        int[] labels =
                samples.stream().flatMapToInt(CausalLmObjective::predicted).toArray();
        return head.losses(forward, model.encode(forward, Arrays.copyOf(rows, n)), labels);
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
    public Optional<String> task() {
        return Optional.of("CAUSAL_LM");
    }

    @Override
    public List<Prediction> predict(Forward forward, Batch batch) {
        Tensor losses = losses(forward, batch);
        double[] nats = losses == null ? new double[0] : losses.toDoubles();
        List<Prediction> predictions = new ArrayList<>();
        int from = 0;
        for (Sample sample : batch.samples()) {
            int[] ids = predicted(sample).toArray();
            int to = from + ids.length;
            int bytes = model.tokenizer().decode(ids).getBytes(StandardCharsets.UTF_8).length;
            double sum = Arrays.stream(nats, from, to).sum();
            predictions.add(new TextLikelihood(sample.example(), -sum, ids.length, bytes));
            from = to;
        }
        return predictions;
    }
}
