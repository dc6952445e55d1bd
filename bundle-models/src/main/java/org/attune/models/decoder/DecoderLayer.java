package org.attune.models.decoder;

import org.attune.model.Forward;
import org.attune.models.Modules;
import org.attune.models.decoder.DecoderStack.Queries;
import org.attune.tensor.Tensor;

/** How a family puts attention, feed-forward block and norms together. */
interface DecoderLayer {
    SelfAttention attention();

    /** Its modules in forward order, the block itself excepted. */
    void addTo(Modules modules, String layer, int hidden);

    /** From the hidden states of all tokens to those of the queries; the block's adapters act on the result afterwards. */
    Tensor apply(Forward forward, String layer, Tensor x, Queries queries, Rotary.Angles angles);
}
