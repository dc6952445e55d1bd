package org.attune.shell.text;

import java.util.Locale;
import org.attune.trial.ModelMerge;

/** What came of a merge, in one sentence. */
public final class MergeText {
    private MergeText() {}

    public static String of(ModelMerge.Outcome outcome) {
        return String.format(
                Locale.ROOT,
                "%s: %d weights changed; the largest difference of a logit from the model with adapters is %s, of logits up to %.4g",
                Launch.shortened(outcome.folder()),
                outcome.changed(),
                Numbers.error(outcome.difference()),
                outcome.largest());
    }
}
