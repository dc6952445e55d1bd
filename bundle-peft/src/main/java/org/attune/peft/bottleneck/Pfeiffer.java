package org.attune.peft.bottleneck;

import java.util.Optional;
import org.attune.plugin.AttunePlugin;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/**
 * The adapters of Pfeiffer et al. 2020 (arXiv 2005.00247): in each layer one after the feed-forward block,
 * {@code out = LN(x + z + u(LN(x + z)))} with {@link Bottleneck u} and twice the block's own norm; without any norm where the family
 * has its norms elsewhere.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "pfeiffer", description = "bottlenecks after feed-forward, on the normed sum (Pfeiffer)")
public final class Pfeiffer implements Adapter<PfeifferOptions> {
    @Override
    public Class<PfeifferOptions> options() {
        return PfeifferOptions.class;
    }

    @Override
    public void attach(PfeifferOptions options, Attachment on) {
        Placement.PFEIFFER.attach(on, options.settings(), Bottleneck.Start.NORMAL);
    }

    @Override
    public Optional<PeftFormat<PfeifferOptions>> peft() {
        return Optional.of(
                new BottleneckFormat<>("pfeiffer", Placement.PFEIFFER, PfeifferOptions::settings, PfeifferOptions::of));
    }
}
