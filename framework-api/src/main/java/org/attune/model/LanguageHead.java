package org.attune.model;

import org.attune.tensor.Tensor;
import org.osgi.annotation.versioning.ConsumerType;

/** The end of a language model: what the last hidden states say of the vocabulary. */
@ConsumerType
public interface LanguageHead {
    /** The path of the linear map onto the vocabulary, an attach point: {@code lm_head}. */
    String path();

    /**
     * Natural logarithms of probabilities, up to a constant a row.
     *
     * @param hidden last hidden states [rows, hidden]
     * @return [rows, vocabulary]
     */
    default Tensor logits(Forward forward, Tensor hidden) {
        return forward.linear(path(), hidden);
    }

    /**
     * Cross-entropy of {@link #logits} with token ids, without holding all logits at once where that can be avoided.
     *
     * @param hidden last hidden states [rows, hidden]
     * @param labels a token id for each row; -100 for a row that counts 0
     * @return losses in nats [rows]
     */
    default Tensor losses(Forward forward, Tensor hidden, int[] labels) {
        return forward.linearCrossEntropy(path(), hidden, labels);
    }
}
