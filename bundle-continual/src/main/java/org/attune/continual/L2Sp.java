package org.attune.continual;

import java.util.Optional;
import org.attune.plugin.AttunePlugin;
import org.attune.tensor.Tensor;
import org.attune.training.Regularizer;
import org.osgi.service.component.annotations.Component;

/**
 * L2-SP (Li, Grandvalet and Davoine 2018, arXiv 1802.01483): adds {@code alpha/2 ||w - w0||²} over the base model's weights that
 * are trained, w0 being their pretrained values, and {@code beta/2 ||w||²} over the parameters that are new. An adapter's own
 * matrices count as new.
 */
@Component(service = Regularizer.class)
@AttunePlugin(name = "l2-sp", description = "pulls trained base weights to their pretrained values (L2-SP)")
public final class L2Sp implements Regularizer<L2SpOptions> {
    @Override
    public Class<L2SpOptions> options() {
        return L2SpOptions.class;
    }

    @Override
    public Penalty open(L2SpOptions options, Setup setup) {
        // Now, not at the first step: the start is kept from the first call on.
        setup.names().stream().filter(setup::pretrained).forEach(setup::start);
        return new Penalty() {
            @Override
            public Optional<Tensor> loss() {
                return setup.names().stream()
                        .map(name -> setup.pretrained(name)
                                ? halfSquare(
                                        options.alpha(), setup.parameter(name).sub(setup.start(name)))
                                : halfSquare(options.beta(), setup.parameter(name)))
                        .reduce(Tensor::add);
            }
        };
    }

    private static Tensor halfSquare(double strength, Tensor x) {
        return x.square().sum().mul(strength / 2);
    }
}
