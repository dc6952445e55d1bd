package org.attune.trainers;

import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.model.TokenBatch;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;

/** How the hidden states of a sequence become one vector. */
public enum Pooling {
    /** As the family's own classifier reads it; for BERT its pooler over the first token. */
    MODEL {
        @Override
        Tensor pool(Model model, Forward forward) {
            return model.pool(forward, model.encode(forward, model.pooledTokens(forward.batch())));
        }
    },
    /** The mean over the sequence's tokens, special tokens included, padding not. */
    MEAN {
        @Override
        Tensor pool(Model model, Forward forward) {
            Tensor hidden = model.encode(forward);
            TokenBatch batch = forward.batch();
            // Row s holds 1 / length at the tokens of sequence s: one product, where slices would be copies.
            float[] share = new float[batch.sequences() * batch.tokens()];
            for (int s = 0; s < batch.sequences(); s++) {
                int text = batch.length(s) - batch.padding()[s];
                for (int t = batch.offsets()[s]; t < batch.offsets()[s] + text; t++) {
                    share[s * batch.tokens() + t] = 1f / text;
                }
            }
            return Tensor.of(hidden.engine(), Shape.of(batch.sequences(), batch.tokens()), share)
                    .matmul(hidden);
        }
    },
    /** The first token of the sequence. */
    FIRST {
        @Override
        Tensor pool(Model model, Forward forward) {
            return model.encode(forward, forward.batch().firstTokens());
        }
    };

    /** One vector a sequence [sequences, hidden]. */
    abstract Tensor pool(Model model, Forward forward);
}
