package org.attune.peft.prompt;

import java.util.Arrays;
import org.attune.model.TokenBatch;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter.Attachment;
import org.attune.training.Initializer;

/**
 * One number from 0 to 1 for a sequence: the mean over its tokens of {@code sigmoid(W x + b)}, over its padding too where there is
 * some.
 *
 * @param map to one output
 */
record SequenceGate(DenseLayer map) {
    /** One whose parameters are {@code path.weight} [1, in] and {@code path.bias} [1]. */
    static SequenceGate of(String path, int in, Attachment on) {
        return new SequenceGate(new DenseLayer(
                on.parameter(path + ".weight", Shape.of(1, in), Initializer.normal(0.02)),
                on.parameter(path + ".bias", Shape.of(1), Initializer.constant(0))));
    }

    /**
     * @param x all tokens [tokens, in]
     * @return [sequences, 1]
     */
    Tensor ofSequences(TokenBatch batch, Tensor x) {
        double[] share = new double[batch.sequences()];
        for (int s = 0; s < share.length; s++) {
            share[s] = batch.length(s) == 0 ? 0 : 1.0 / batch.length(s);
        }
        Tensor sum = map.apply(x).sigmoid().scatterRows(sequences(batch), batch.sequences());
        return sum.mul(Tensor.of(x.engine(), Shape.of(share.length, 1), share));
    }

    /** The same for each token of a sequence [tokens, 1]. */
    Tensor ofTokens(TokenBatch batch, Tensor x) {
        return ofSequences(batch, x).gatherRows(sequences(batch));
    }

    /** The sequence of each token. */
    private static int[] sequences(TokenBatch batch) {
        int[] sequences = new int[batch.tokens()];
        for (int s = 0; s < batch.sequences(); s++) {
            Arrays.fill(sequences, batch.offsets()[s], batch.offsets()[s + 1], s);
        }
        return sequences;
    }
}
