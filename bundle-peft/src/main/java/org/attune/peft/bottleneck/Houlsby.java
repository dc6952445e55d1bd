package org.attune.peft.bottleneck;

import java.util.Optional;
import org.attune.plugin.AttunePlugin;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/**
 * The adapters of Houlsby et al. 2019 (arXiv 1902.00751): in each layer one after attention and one after the feed-forward block,
 * {@code out = LN(x + z + u(z))} with {@link Bottleneck u}; without the norm where the family has its norms elsewhere. The norms of
 * the model stay as they are, while the paper trains them too.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "houlsby", description = "bottlenecks after attention and feed-forward (Houlsby)")
public final class Houlsby implements Adapter<HoulsbyOptions> {
    @Override
    public Class<HoulsbyOptions> options() {
        return HoulsbyOptions.class;
    }

    @Override
    public void attach(HoulsbyOptions options, Attachment on) {
        Placement.HOULSBY.attach(on, options.settings(), Bottleneck.Start.NORMAL);
    }

    @Override
    public Optional<PeftFormat<HoulsbyOptions>> peft() {
        return Optional.of(
                new BottleneckFormat<>("houlsby", Placement.HOULSBY, HoulsbyOptions::settings, HoulsbyOptions::of));
    }
}
