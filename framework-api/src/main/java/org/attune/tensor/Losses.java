package org.attune.tensor;

import java.util.List;
import org.attune.tensor.engine.TensorEngine;

/** Loss functions by row. */
final class Losses {
    /** The label of a row that carries no loss, as in PyTorch. */
    static final int IGNORED = -100;

    private Losses() {}

    static Tensor crossEntropy(Tensor logits, int[] given) {
        int[] labels = given.clone(); // backward comes later
        Shape s = logits.shape();
        if (s.rank() != 2 || s.dim(0) != labels.length) {
            throw new IllegalArgumentException(labels.length + " labels for logits of shape " + s);
        }
        for (int label : labels) {
            if (label != IGNORED && (label < 0 || label >= s.dim(1))) {
                throw new IllegalArgumentException("label " + label + " for " + s.dim(1) + " classes");
            }
        }
        TensorEngine e = logits.engine();
        Tensor losses = Tensor.allocate(e, Shape.of(labels.length));
        Tensor probabilities = Tensor.allocate(e, s);
        e.crossEntropy(logits.storage(), s.dim(0), s.dim(1), labels, losses.storage(), probabilities.storage());
        return Tensor.recorded(
                losses,
                List.of(probabilities),
                (dy, in) -> {
                    Tensor dlogits = Tensor.allocate(e, s);
                    e.crossEntropyGrad(
                            probabilities.storage(), s.dim(0), s.dim(1), labels, dy.storage(), dlogits.storage());
                    in.add(0, dlogits);
                },
                logits);
    }
}
