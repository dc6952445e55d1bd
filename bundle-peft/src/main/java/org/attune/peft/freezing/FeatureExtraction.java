package org.attune.peft.freezing;

import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/**
 * Feature extraction: the trainer's head is trained on what the frozen model gives, without any dropout in the model, so that it is
 * computed once for each example and kept ({@code cache} in a spec). {@code head-only} does the same with the model's own dropout,
 * which leaves nothing to keep where the model has some.
 */
@Component(service = Adapter.class)
@AttunePlugin(
        name = "feature-extraction",
        description = "the trainer's head alone, on features of the frozen model that are computed once")
public final class FeatureExtraction implements Adapter<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public void attach(NoOptions options, Attachment on) {
        on.withoutDropout();
    }
}
