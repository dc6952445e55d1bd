package org.attune.testkit.plugin;

import java.util.List;
import org.attune.data.Example;
import org.attune.evaluation.Prediction;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.tensor.Tensor;
import org.attune.training.Batch;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/** An objective for tests: the sum of squares of the last hidden states. */
public record SumOfSquares(Model model) implements Trainer.Objective {
    @Override
    public Sample prepare(Example example, long index) {
        throw new UnsupportedOperationException();
    }

    @Override
    public double weight(Sample sample) {
        return 1;
    }

    @Override
    public Tensor logits(Forward forward, Batch batch) {
        return model.encode(forward);
    }

    @Override
    public Tensor loss(Forward forward, Batch batch) {
        return model.encode(forward).square().sum();
    }

    @Override
    public List<Prediction> predict(Forward forward, Batch batch) {
        throw new UnsupportedOperationException();
    }
}
