package org.attune.model;

import java.util.List;
import java.util.function.UnaryOperator;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.osgi.annotation.versioning.ProviderType;

/**
 * One forward pass of one trial over one micro-batch, on one thread. A model computes through it, so that the trial's
 * adapters act at the attach points and its own copies of weights are used in place of the shared ones. Made by the kernel.
 */
@ProviderType
public interface Forward {
    /** The batch that is passed through. */
    TokenBatch batch();

    /**
     * The position of each token in its sequence, counted from 0, or further on: in a pass that goes on with a sequence, and where
     * an adapter has put something before it.
     */
    default int[] positions() {
        return batch().positions();
    }

    /**
     * Whether an adapter reads sequences as a whole, so that every layer has to compute all tokens, also those whose last states nobody
     * asks for.
     */
    default boolean wholeSequences() {
        return false;
    }

    /** Whether dropout is on and gradients will be asked for. */
    boolean training();

    /**
     * A weight of the model: the trial's own trainable copy where an adapter or trainer asked for it, else the shared frozen
     * one. A name in {@link Model#tied} means the weight that it is tied to.
     *
     * @throws IllegalArgumentException if the model has no such weight
     */
    Tensor weight(String name);

    /**
     * Runs a model's stages, each on the result of the one before. What a stage makes, apart from its result, is freed at its end
     * unless the gradient reads it.
     */
    Tensor stages(List<Stage> stages);

    /** The linear map at {@code path} with its adapters: {@code x} [tokens, in] to [tokens, out]. */
    Tensor linear(String path, Tensor x);

    /**
     * Cross-entropy of the linear map at {@code path}, with its adapters, over {@code x} [rows, in]; where no adapter acts there
     * and the map has no bias, the logits of a large vocabulary never exist at once.
     *
     * @param labels a class for each row, -100 for a row that counts 0
     * @return losses in nats [rows]
     */
    Tensor linearCrossEntropy(String path, Tensor x, int[] labels);

    /** The layer normalisation at {@code path} with its adapters. */
    Tensor layerNorm(String path, Tensor x, double eps);

    /** The root mean square normalisation at {@code path} with its adapters. */
    Tensor rmsNorm(String path, Tensor x, double eps);

    /** Rows of the embedding at {@code path} with its adapters, those of virtual tokens among them: [ids.length, out]. */
    Tensor embedding(String path, int[] ids);

    /**
     * Softmax attention of the layer at {@code path}, with the keys and values that adapters put before those of each sequence. A
     * pass that goes on with sequences lets the queries see the keys and values of their earlier tokens too, and keeps these for the
     * tokens to come.
     *
     * @param x what queries, keys and values are made of [tokens, hidden]
     * @param q queries [queries, heads * headSize]
     * @param k and v keys and values of the batch's tokens [tokens, keyHeads * headSize]
     * @param layout of the batch's tokens
     * @return [queries, heads * headSize]
     */
    default Tensor attention(String path, Tensor x, Tensor q, Tensor k, Tensor v, AttentionLayout layout) {
        return q.attention(k, v, layout);
    }

    /**
     * The sum at the end of the sub-layer at {@code path}, with what adapters add to it; see {@link Residual}.
     *
     * @param norm of the block, after the sum; the identity where none follows
     */
    default Tensor residual(String path, Tensor x, Tensor z, UnaryOperator<Tensor> norm) {
        return x.add(z);
    }

    /** Lets adapters act on the output of the block at {@code path}. */
    Tensor block(String path, Tensor output);

    /**
     * Dropout with inverse scaling; {@code x} itself where p is 0 or the pass is not for training. Which elements fall depends on
     * the seed, the step, the place, the example and the position in it, and on nothing else.
     *
     * @param place names the place, a module path usually
     * @param x one row a token of the batch or of the stage's {@link Stage#rows} [tokens, width], or one a sequence
     *     [sequences, width]
     * @param p the share of elements set to 0, in [0, 1)
     */
    Tensor dropout(String place, Tensor x, double p);
}
