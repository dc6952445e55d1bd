package org.attune.peft;

import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.attune.model.Forward;
import org.attune.model.LinearMap;
import org.attune.model.LinearTransform;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;

/**
 * {@code inner(x) + scale D x} for a D that is built anew in each pass.
 *
 * @param update makes D [out, in]
 */
record WeightUpdate(Supplier<Tensor> update, double scale) implements LinearTransform {
    @Override
    public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
        return inner.apply(x).addMatmulInPlace(x, update.get(), true, scale);
    }

    @Override
    public Optional<LinearMap> merged(LinearMap inner) {
        return Optional.of(Scope.withoutGradient(() -> new LinearMap(
                inner.weight().add(update.get().mul(scale).to(inner.weight().dtype())), inner.bias())));
    }
}
