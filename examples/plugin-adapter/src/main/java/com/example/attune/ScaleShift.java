package com.example.attune;

import java.util.Optional;
import java.util.function.UnaryOperator;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.LinearMap;
import org.attune.model.LinearTransform;
import org.attune.plugin.AttunePlugin;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/**
 * Scaling and shifting your features (SSF; Lian, Zhou, Feng and Wang 2022, arXiv 2210.08823): {@code gamma ⊙ (W x + b) + beta} with
 * gamma [out] and beta [out] learnt, W and b frozen. It starts with gamma 1 and beta 0, so from the base model exactly.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "scale-shift", description = "a scale and a shift of each linear map's output (SSF)")
public final class ScaleShift implements Adapter<ScaleShiftOptions> {
    @Override
    public Class<ScaleShiftOptions> options() {
        return ScaleShiftOptions.class;
    }

    @Override
    public void attach(ScaleShiftOptions options, Attachment on) {
        for (AttachPoint point : on.match(AttachPoint.Kind.LINEAR, options.targets())) {
            // The kernel keeps the parameters by name: when this class is replaced in mid-trial, the new one finds them again.
            Shape width = Shape.of(point.out());
            Tensor gamma = on.parameter(point.path() + ".ssf_scale", width, Initializer.constant(1));
            Tensor beta = on.parameter(point.path() + ".ssf_shift", width, Initializer.constant(0));
            on.linear(point.path(), new Scaled(gamma, beta));
        }
    }

    private record Scaled(Tensor gamma, Tensor beta) implements LinearTransform {
        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            return inner.apply(x).mul(gamma).add(beta);
        }

        /** {@code gamma ⊙ (W x + b) + beta} is a linear map again: {@code attune merge} can write it into the base model. */
        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            if (inner.bias() == null) {
                return Optional.empty(); // there is nowhere to put beta
            }
            Tensor rows = gamma.reshape(gamma.shape().dim(0), 1);
            return Optional.of(
                    new LinearMap(inner.weight().mul(rows), inner.bias().mul(gamma).add(beta)));
        }
    }
}
