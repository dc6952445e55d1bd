package org.attune.kernel.optim;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Storage;

/**
 * Some elements of one of several tensors. An embedding table may be half of all parameters, so work that is the same for each element
 * is shared out in pieces and not by tensor.
 *
 * @param tensor its number
 * @param from the first element
 */
public record Piece(int tensor, long from, long size) {
    private static final long MOST = 1 << 19;

    /** All elements of {@code tensors}, in order. The cut depends on their sizes alone. */
    public static List<Piece> cut(Collection<Tensor> tensors) {
        List<Piece> pieces = new ArrayList<>();
        int i = 0;
        for (Tensor t : tensors) {
            long size = t.shape().size();
            for (long from = 0; from < size; from += MOST) {
                pieces.add(new Piece(i, from, Math.min(MOST, size - from)));
            }
            i++;
        }
        return pieces;
    }

    /** These elements of the tensor, or of another one of its shape. */
    public Storage of(Tensor t) {
        return size == t.shape().size() ? t.storage() : t.storage().slice(from, size);
    }
}
