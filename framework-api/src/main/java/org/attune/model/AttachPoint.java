package org.attune.model;

/**
 * A place in a model where adapters may act, named by its module path as in the Hugging Face implementation of the family
 * ({@code bert.encoder.layer.3.attention.self.query}).
 *
 * @param path the module's path
 * @param kind what may be claimed there
 * @param in width of the module's input; for an embedding the number of rows, for an attention the number of key heads
 * @param out width of its output; for an attention that of a head, so that its keys and values are {@code in * out} wide
 */
public record AttachPoint(String path, Kind kind, int in, int out) {
    /** What an attach point is. */
    public enum Kind {
        /** A linear map, of weights {@code path.weight} [out, in] and perhaps {@code path.bias} [out]. */
        LINEAR,
        /** A table of rows, {@code path.weight} [in, out]. */
        EMBEDDING,
        /** A normalisation. */
        NORM,
        /** The softmax attention of a layer. */
        ATTENTION,
        /** The output of a whole layer, [tokens, out]. */
        BLOCK,
        /** The sum of attention's input and output, {@link Residual}. */
        ATTENTION_RESIDUAL,
        /** The sum of the feed-forward block's input and output, {@link Residual}. */
        FEED_FORWARD_RESIDUAL
    }
}
