package org.attune.trainers;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.attune.data.Example;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.training.Sample;

/** {@link CausalLm} of one trial: each token is predicted from the state of the one before it. */
final class CausalLmObjective extends TokenObjective {
    private final int stride;
    private final String end;

    CausalLmObjective(CausalLmOptions options, Model model, LanguageHead head) {
        super(model, head, options.maxLength(), 1);
        this.stride = Math.min(options.stride(), maxLength);
        this.end = options.end();
    }

    @Override
    public Sample prepare(Example example, long index) {
        int[] ids = model.tokenizer().encode(text(example), maxLength);
        return new Sample(index, ids, new int[ids.length], ids);
    }

    @Override
    public List<Sample> prepareForEvaluation(Example example, long index) {
        if (stride == 0) {
            return List.of(prepare(example, index));
        }
        int[] all = model.tokenizer().encode(text(example), Integer.MAX_VALUE);
        List<Sample> windows = new ArrayList<>();
        int predicted = 0;
        for (int from = 0; windows.isEmpty() || predicted < all.length; from += stride) {
            int[] ids = Arrays.copyOfRange(all, from, Math.min(from + maxLength, all.length));
            int[] labels = ids.clone();
            Arrays.fill(labels, 0, predicted - Math.min(predicted, from), NOT_PREDICTED);
            windows.add(new Sample(index, ids, new int[ids.length], labels));
            predicted = from + ids.length;
        }
        return windows;
    }

    @Override
    public Optional<String> task() {
        return Optional.of("CAUSAL_LM");
    }

    private String text(Example example) {
        return text(example, "causal-lm") + end;
    }
}
