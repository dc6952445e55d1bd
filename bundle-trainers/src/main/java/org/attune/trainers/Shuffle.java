package org.attune.trainers;

import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.attune.tensor.Rng;
import org.attune.training.Sampler;
import org.osgi.service.component.annotations.Component;

/** Every example once an epoch, in a new random order each time. */
@Component(service = Sampler.class)
@AttunePlugin(name = "shuffle", description = "every example once an epoch, in random order")
public final class Shuffle implements Sampler<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public int[] epoch(NoOptions options, int size, int epoch, long seed) {
        return Rng.of(seed).at("shuffle").at(epoch).permutation(size);
    }
}
