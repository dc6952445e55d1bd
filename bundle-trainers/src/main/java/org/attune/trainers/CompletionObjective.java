package org.attune.trainers;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.attune.data.Example;
import org.attune.evaluation.CompletionMatch;
import org.attune.evaluation.Prediction;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.training.Batch;
import org.attune.training.Sample;

/** {@link CausalLm} of completions: the prompt before each is given, not learnt. */
final class CompletionObjective extends TokenObjective {
    private static final Pattern FIELD = Pattern.compile("\\{([\\w-]+)}");
    /** Logits of so many tokens are there at once. */
    private static final int ROWS = 64;

    private final CausalLmOptions options;
    private final LanguageHead head;

    CompletionObjective(CausalLmOptions options, Model model, LanguageHead head) {
        super(model, head, options.maxLength(), 1);
        this.options = options;
        this.head = head;
    }

    /** A prompt that is too long loses its beginning. */
    @Override
    public Sample prepare(Example example, long index) {
        int[] prompt = model.tokenizer().encode(filled(options.prompt(), example), Integer.MAX_VALUE);
        int[] completion = model.tokenizer()
                .tokenize(filled(options.completion(), example) + options.end())
                .ids();
        int room = maxLength - completion.length;
        if (completion.length == 0 || prompt.length == 0 || room < 1) {
            throw new UserError(example.id() + ": the prompt has " + prompt.length + " tokens and the completion "
                    + completion.length + ", expected 1 or more of each, at most " + maxLength
                    + " together (max_length)");
        }
        int[] given = Arrays.copyOfRange(prompt, Math.max(0, prompt.length - room), prompt.length);
        int[] ids = IntStream.concat(Arrays.stream(given), Arrays.stream(completion))
                .toArray();
        int[] labels = ids.clone();
        Arrays.fill(labels, 0, given.length, NOT_PREDICTED);
        return new Sample(index, ids, new int[ids.length], labels);
    }

    private static String filled(String template, Example example) {
        return FIELD.matcher(template).replaceAll(field -> {
            String value = example.fields().get(field.group(1));
            if (value == null) {
                throw new UserError(example.id() + ": field '" + field.group(1)
                        + "' is missing; the trainer's template asks"
                        + " for it, the example has "
                        + String.join(
                                ", ",
                                example.fields().keySet().stream().sorted().toList()));
            }
            return Matcher.quoteReplacement(value);
        });
    }

    @Override
    public Optional<String> task() {
        return Optional.of("CAUSAL_LM");
    }

    @Override
    public Class<? extends Prediction> predicts() {
        return CompletionMatch.class;
    }

    /**
     * Greedy decoding gives a completion token for token if and only if each of its tokens is the likeliest after the prompt and those
     * before it; so one pass over the completion tells, and nothing needs to be generated.
     */
    @Override
    public List<Prediction> predict(Forward forward, Batch batch) {
        int[] labels = labels(batch);
        boolean[] likeliest = new boolean[labels.length];
        Tensor hidden = model.encode(forward, rows(batch));
        for (int from = 0; from < labels.length; from += ROWS) {
            int to = Math.min(labels.length, from + ROWS);
            float[] logits = head.logits(forward, hidden.slice(0, from, to)).toFloats();
            int vocabulary = logits.length / (to - from);
            for (int row = from; row < to; row++) {
                likeliest[row] = labels[row] == argmax(logits, (row - from) * vocabulary, vocabulary);
            }
        }
        List<Prediction> predictions = new ArrayList<>();
        int from = 0;
        for (Sample sample : batch.samples()) {
            int to = from + predicted(sample).length;
            predictions.add(new CompletionMatch(sample.example(), to - from, (int)
                    IntStream.range(from, to).filter(row -> likeliest[row]).count()));
            from = to;
        }
        return predictions;
    }

    /** Of equals the first. */
    private static int argmax(float[] values, int from, int count) {
        int best = 0;
        for (int i = 1; i < count; i++) {
            if (values[from + i] > values[from + best]) {
                best = i;
            }
        }
        return best;
    }
}
