package org.attune.trainers;

import org.attune.data.Example;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.model.Tokenizer;
import org.attune.tensor.Rng;
import org.attune.training.Sample;

/**
 * {@link MaskedLm} of one trial. The labels of a prepared sample number the words that its tokens belong to, -1 for special tokens;
 * those of a varied one are the ids to predict, -100 at all other tokens.
 */
final class MaskedLmObjective extends TokenObjective {
    private static final double MASKED = 0.8;
    private static final double REPLACED = 0.9;

    private final MaskedLmOptions options;
    private final int mask;

    MaskedLmObjective(MaskedLmOptions options, Model model, LanguageHead head, int mask) {
        super(model, head, options.maxLength(), 0);
        this.options = options;
        this.mask = mask;
    }

    @Override
    public Sample prepare(Example example, long index) {
        Tokenizer.Words encoded = model.tokenizer().encodeWords(text(example, "masked-lm"), maxLength);
        return new Sample(index, encoded.ids(), new int[encoded.ids().length], encoded.words());
    }

    @Override
    public boolean varies() {
        return true;
    }

    @Override
    public Sample vary(Sample sample, Rng rng) {
        Rng chosen = rng.at("chosen");
        Rng fate = rng.at("fate");
        Rng replacement = rng.at("replacement");
        int[] ids = sample.ids().clone();
        int[] labels = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            int word = sample.labels()[i];
            boolean predicted = word >= 0 && chosen.uniform(options.wholeWord() ? word : i) < options.probability();
            labels[i] = predicted ? ids[i] : NOT_PREDICTED;
            if (predicted) {
                double drawn = fate.uniform(i);
                if (drawn < MASKED) {
                    ids[i] = mask;
                } else if (drawn < REPLACED) {
                    ids[i] = replacement.below(model.tokenizer().vocabulary(), i);
                }
            }
        }
        return new Sample(sample.example(), ids, sample.types(), labels);
    }
}
