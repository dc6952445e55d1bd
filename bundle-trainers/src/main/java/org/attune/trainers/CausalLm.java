package org.attune.trainers;

import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.training.Trainer;
import org.osgi.service.component.annotations.Component;

/**
 * Language modelling: cross-entropy of each token given those before it, over all of a text but its first token; a step's loss is
 * the mean over predicted tokens. The head is the model's own, and stays as it is unless an adapter trains it.
 *
 * <p>Examples have the field {@code text}; special tokens are those that the tokenizer adds. Text longer than the model or
 * {@code max_length} takes is cut; with a stride, evaluations read it in windows that overlap, each of which predicts the tokens
 * after the last one of the window before (the sliding window of Hugging Face's guide to the perplexity of fixed-length models).
 *
 * <p>With a prompt and a completion, templates that are filled with an example's fields, the completion alone is learnt, and evaluations
 * tell whether greedy decoding would give it.
 */
@Component(service = Trainer.class)
@AttunePlugin(name = "causal-lm", description = "cross-entropy of each token of a text given those before it")
public final class CausalLm implements Trainer<CausalLmOptions> {
    @Override
    public Class<CausalLmOptions> options() {
        return CausalLmOptions.class;
    }

    @Override
    public Objective open(CausalLmOptions options, Setup setup) {
        Model model = setup.model();
        LanguageHead head = model.languageHead()
                .orElseThrow(() -> new UserError("causal-lm: the model, a " + model.family()
                        + ", has no head over its vocabulary; a language model is needed"));
        if (options.stride() > options.maxLength()) {
            throw new UserError("causal-lm: stride is " + options.stride() + ", expected at most max_length, "
                    + options.maxLength() + ": text between windows would be left out");
        }
        if (options.prompt().isEmpty() != options.completion().isEmpty()) {
            throw new UserError("causal-lm: prompt and completion belong together, but "
                    + (options.prompt().isEmpty() ? "prompt" : "completion") + " is empty");
        }
        if (options.stride() > 0 && !options.completion().isEmpty()) {
            throw new UserError("causal-lm: stride is for long text, and completions are whole; leave stride out");
        }
        return options.completion().isEmpty()
                ? new CausalLmObjective(options, model, head)
                : new CompletionObjective(options, model, head);
    }
}
