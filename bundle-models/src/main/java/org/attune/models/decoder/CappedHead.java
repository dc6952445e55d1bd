package org.attune.models.decoder;

import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.tensor.Tensor;

/**
 * A head whose logits z are {@code cap tanh(z / cap)}.
 *
 * @param cap above 0
 */
record CappedHead(String path, double cap) implements LanguageHead {
    @Override
    public Tensor logits(Forward forward, Tensor hidden) {
        return forward.linear(path, hidden).mul(1 / cap).tanh().mul(cap);
    }

    @Override
    public Tensor losses(Forward forward, Tensor hidden, int[] labels) {
        return logits(forward, hidden).crossEntropy(labels);
    }
}
