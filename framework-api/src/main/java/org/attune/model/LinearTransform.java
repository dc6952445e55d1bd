package org.attune.model;

import java.util.Optional;
import java.util.function.UnaryOperator;
import org.attune.tensor.Tensor;

/** What an adapter does to a linear map. Called in every forward pass, from several threads. */
public interface LinearTransform {
    /**
     * The adapted map.
     *
     * @param x input [tokens, in]
     * @param inner the map below: the base layer, or an adapter claimed before this one. Call it once, with {@code x} or with
     *     an altered input; it costs the base layer's product
     * @return [tokens, out]; the caller's own, who may reuse its memory
     */
    Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner);

    /**
     * The one linear map that does the same as this transform over {@code inner}, dropout aside; empty where there is none, so that
     * the adapter cannot be merged into its model. New tensors, not recorded for gradients.
     */
    default Optional<LinearMap> merged(LinearMap inner) {
        return Optional.empty();
    }

    /**
     * As above, for a transform that also depends on the model's own map, whatever other adapters make of it.
     *
     * @param base the map below all adapters
     */
    default Optional<LinearMap> merged(LinearMap inner, LinearMap base) {
        return merged(inner);
    }
}
