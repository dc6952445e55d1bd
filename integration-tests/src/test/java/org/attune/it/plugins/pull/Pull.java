package org.attune.it.plugins.pull;

import java.util.Optional;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.attune.tensor.Tensor;
import org.attune.training.Regularizer;
import org.osgi.service.component.annotations.Component;

/** A regularizer to be swapped: pulls every trained tensor back to where it began. */
@Component(service = Regularizer.class)
@AttunePlugin(name = "pull", description = "pulls back to the start")
public final class Pull implements Regularizer<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public Penalty open(NoOptions options, Setup setup) {
        return new Penalty() {
            @Override
            public Optional<Tensor> loss() {
                return setup.names().stream().map(this::distance).reduce(Tensor::add);
            }

            private Tensor distance(String name) {
                Tensor moved = setup.parameter(name).sub(setup.start(name));
                return moved.mul(moved).sum().mul(0.1);
            }
        };
    }
}
