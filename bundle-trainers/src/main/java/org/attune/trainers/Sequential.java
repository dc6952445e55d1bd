package org.attune.trainers;

import java.util.stream.IntStream;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.attune.training.Sampler;
import org.osgi.service.component.annotations.Component;

/** Every example once an epoch, in the data's own order. */
@Component(service = Sampler.class)
@AttunePlugin(name = "sequential", description = "every example once an epoch, in the data's own order")
public final class Sequential implements Sampler<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public int[] epoch(NoOptions options, int size, int epoch, long seed) {
        return IntStream.range(0, size).toArray();
    }
}
