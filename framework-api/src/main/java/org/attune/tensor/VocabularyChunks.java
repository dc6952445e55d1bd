package org.attune.tensor;

import java.util.Arrays;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/** Cross-entropy of a linear layer, some rows at a time. */
final class VocabularyChunks {
    /** Enough for the products to run at full speed; 50 MB of float32 logits at 49,152 classes. */
    private static final int ROWS = 256;

    private final Tensor x;
    private final Tensor weight;
    private final int[] labels;

    /**
     * @param x [labels, hidden]
     * @param weight [classes, hidden]
     */
    VocabularyChunks(Tensor x, Tensor weight, int[] labels) {
        this.x = x;
        this.weight = weight;
        this.labels = labels;
    }

    /**
     * @param losses [rows], null where not wanted
     * @param dlosses [rows]; null where no gradient is wanted
     * @param dx [rows, hidden], overwritten; null where not wanted
     * @param dw [classes, hidden], added to; null where not wanted
     */
    void run(Tensor losses, Tensor dlosses, Tensor dx, Tensor dw) {
        TensorEngine e = x.engine();
        int hidden = x.shape().dim(1);
        int classes = weight.shape().dim(0);
        int most = Math.min(ROWS, labels.length);
        if (most == 0) {
            return;
        }
        DType narrow = DType.narrower(x.dtype(), weight.dtype());
        try (Tensor logits = Tensor.allocate(e, Shape.of(most, classes), e.dtype());
                Tensor scratch = Tensor.allocate(e, Shape.of(most), e.dtype());
                Tensor dlogits = Tensor.allocate(e, Shape.of(narrow == e.dtype() ? 0 : most, classes), narrow)) {
            for (int from = 0; from < labels.length; from += ROWS) {
                int n = Math.min(ROWS, labels.length - from);
                int[] some = Arrays.copyOfRange(labels, from, from + n);
                Storage part = x.storage().slice((long) from * hidden, (long) n * hidden);
                long size = (long) n * classes;
                // The same memory takes the logits, then the probabilities, then, where it has their type, the
                // gradient.
                Storage p = logits.storage().slice(0, size);
                e.linear(part, weight.storage(), null, n, hidden, classes, p);
                Storage loss = losses == null
                        ? scratch.storage().slice(0, n)
                        : losses.storage().slice(from, n);
                e.crossEntropy(p, n, classes, some, loss, p);
                if (dlosses == null) {
                    continue;
                }
                Storage d = narrow == e.dtype() ? p : dlogits.storage().slice(0, size);
                e.crossEntropyGrad(p, n, classes, some, dlosses.storage().slice(from, n), d);
                if (dx != null) {
                    Storage out = dx.storage().slice((long) from * hidden, (long) n * hidden);
                    e.matmul(Matmul.of(n, hidden, classes, false, false), d, weight.storage(), out);
                }
                if (dw != null) {
                    Matmul form = new Matmul(1, classes, hidden, n, true, false, false, 1, 1);
                    e.matmul(form, d, part, dw.storage());
                }
            }
        }
    }
}
