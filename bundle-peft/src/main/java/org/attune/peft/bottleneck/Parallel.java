package org.attune.peft.bottleneck;

import java.util.Optional;
import org.attune.plugin.AttunePlugin;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/**
 * The parallel adapters of He et al. 2021 (arXiv 2110.04366): in each layer one beside the feed-forward block,
 * {@code out = LN(x + z + u(x))} with {@link Bottleneck u}. Where the block begins with a norm, the adapter reads the residual stream
 * before it. Training starts from the base model.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "parallel", description = "scaled bottlenecks beside feed-forward (parallel adapters)")
public final class Parallel implements Adapter<ParallelOptions> {
    @Override
    public Class<ParallelOptions> options() {
        return ParallelOptions.class;
    }

    @Override
    public void attach(ParallelOptions options, Attachment on) {
        Placement.PARALLEL.attach(on, options.settings(), Bottleneck.Start.ZERO);
    }

    @Override
    public Optional<PeftFormat<ParallelOptions>> peft() {
        return Optional.of(
                new BottleneckFormat<>("parallel", Placement.PARALLEL, ParallelOptions::settings, ParallelOptions::of));
    }
}
