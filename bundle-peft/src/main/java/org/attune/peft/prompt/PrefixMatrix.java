package org.attune.peft.prompt;

import org.attune.peft.bottleneck.Claim;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Initializer;

/**
 * The keys and values of a prefix for all layers [length, layers * 2 * width]: columns 2i * width and on are the keys of layer i,
 * those from (2i + 1) * width on its values, as in PEFT.
 */
interface PrefixMatrix {
    /** Some of the columns, recorded for gradients. */
    Tensor columns(int from, int to);

    /** One that is trained as it is. */
    static PrefixMatrix trained(String name, int length, int columns, Claim claim) {
        Tensor matrix = claim.of(name, Shape.of(length, columns), Initializer.normal(1));
        return (from, to) -> matrix.slice(1, from, to);
    }

    /**
     * One that is computed: {@code up(tanh(down(e)))} with vectors e [length, in] and linear maps with biases. Each layer's columns
     * are computed where they are read; the inner part, which they share, is small beside the model.
     *
     * @param vectors the name of e
     * @param down and {@code up} paths of the maps
     */
    static PrefixMatrix projected(
            String vectors, String down, String up, int length, int in, int hidden, int columns, Claim claim) {
        Tensor e = claim.of(vectors, Shape.of(length, in), Initializer.normal(1));
        DenseLayer first = DenseLayer.of(down, in, hidden, claim);
        DenseLayer second = DenseLayer.of(up, hidden, columns, claim);
        return (from, to) -> second.rows(from, to).apply(first.apply(e).tanh());
    }
}
