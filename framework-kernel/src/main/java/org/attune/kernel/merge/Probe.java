package org.attune.kernel.merge;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.attune.data.Example;
import org.attune.evaluation.Prediction;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.tensor.Rng;
import org.attune.tensor.Tensor;
import org.attune.training.Batch;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/**
 * A batch that two forms of one model are compared on, and what is compared: the logits of classes or of the vocabulary, or the
 * last hidden states of a model that has neither head. Nothing is learnt from it.
 *
 * @param classes whether the model has a head for classes
 */
record Probe(Model model, boolean classes) implements Trainer.Objective {
    private static final int[] LENGTHS = {2, 5, 11, 23};

    /** Sequences of random tokens. */
    List<Sample> samples() {
        List<Sample> samples = new ArrayList<>();
        for (int wanted : LENGTHS) {
            int[] ids = new int[Math.min(wanted, model.maxLength())];
            Rng rng = Rng.of(samples.size()).at("probe");
            for (int i = 0; i < ids.length; i++) {
                ids[i] = (int) (rng.uniform(i) * model.tokenizer().vocabulary());
            }
            samples.add(new Sample(samples.size(), ids, new int[ids.length], new int[0]));
        }
        return samples;
    }

    @Override
    public Tensor logits(Forward forward, Batch batch) {
        if (classes) {
            Tensor hidden = model.encode(forward, model.pooledTokens(batch.tokens()));
            return forward.linear(model.classifierPath(), model.pool(forward, hidden));
        }
        Tensor hidden = model.encode(forward);
        Optional<LanguageHead> head = model.languageHead();
        return head.isPresent() ? head.get().logits(forward, hidden) : hidden;
    }

    @Override
    public Sample prepare(Example example, long index) {
        throw new UnsupportedOperationException("a probe has its own samples");
    }

    @Override
    public double weight(Sample sample) {
        throw new UnsupportedOperationException("a probe has no loss");
    }

    @Override
    public Tensor loss(Forward forward, Batch batch) {
        throw new UnsupportedOperationException("a probe has no loss");
    }

    @Override
    public List<Prediction> predict(Forward forward, Batch batch) {
        throw new UnsupportedOperationException("a probe predicts nothing");
    }
}
