package org.attune.peft;

import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/** Trains nothing of the base model: what is learnt is the trainer's head alone, a linear probe. */
@Component(service = Adapter.class)
@AttunePlugin(name = "head-only", description = "nothing of the base model; the trainer's head alone")
public final class HeadOnly implements Adapter<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public void attach(NoOptions options, Attachment on) {
        // Claims nothing, so the base stays as it is.
    }
}
