package org.attune.peft;

import java.util.Optional;
import java.util.function.UnaryOperator;
import org.attune.model.Forward;
import org.attune.model.LinearMap;
import org.attune.model.LinearTransform;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;

/**
 * {@code inner(x) + scale B A drop(x)}.
 *
 * @param place names the dropout
 * @param a [rank, in]
 * @param b [out, rank]
 */
record LowRankUpdate(String place, Tensor a, Tensor b, double scale, double dropout) implements LinearTransform {
    @Override
    public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
        Tensor down = forward.dropout(place, x, dropout).linear(a, null);
        return inner.apply(x).addMatmulInPlace(down, b, true, scale);
    }

    @Override
    public Optional<LinearMap> merged(LinearMap inner) {
        return Optional.of(
                Scope.withoutGradient(() -> new LinearMap(inner.weight().addMatmul(b, a, false, scale), inner.bias())));
    }
}
