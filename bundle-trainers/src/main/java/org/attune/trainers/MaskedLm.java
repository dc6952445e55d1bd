package org.attune.trainers;

import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.training.Trainer;
import org.osgi.service.component.annotations.Component;

/**
 * Masked language modelling (Devlin et al. 2019): cross-entropy of some tokens given all others; a step's loss is the mean over those
 * tokens. Which they are is drawn anew for each epoch (dynamic masking, Liu et al. 2019, arXiv 1907.11692): each token but special
 * ones with the same probability, or each word as a whole. Of those, 80 % are replaced by the mask token, 10 % by any token of the
 * vocabulary, and 10 % stay, as Hugging Face's {@code DataCollatorForLanguageModeling} does.
 *
 * <p>Examples have the field {@code text}. The head is the model's own, and stays as it is unless an adapter trains it.
 */
@Component(service = Trainer.class)
@AttunePlugin(name = "masked-lm", description = "cross-entropy of masked tokens given all others")
public final class MaskedLm implements Trainer<MaskedLmOptions> {
    @Override
    public Class<MaskedLmOptions> options() {
        return MaskedLmOptions.class;
    }

    @Override
    public Objective open(MaskedLmOptions options, Setup setup) {
        Model model = setup.model();
        LanguageHead head = model.maskedHead()
                .orElseThrow(() -> new UserError("masked-lm: the model, a " + model.family()
                        + ", has no head for masked tokens; an encoder that was pretrained with one is needed"));
        if (options.probability() == 0) {
            throw new UserError("masked-lm: probability is 0; it must be above, or there is nothing to predict");
        }
        int mask = model.tokenizer()
                .maskToken()
                .orElseThrow(() -> new UserError("masked-lm: the model's tokenizer has no mask token"));
        return new MaskedLmObjective(options, model, head, mask);
    }
}
