package org.attune.peft;

import org.attune.plugin.Option;

/**
 * What {@link Bitfit} may be told.
 *
 * @param biases which
 */
public record BitfitOptions(
        @Option(
                value = "biases to train: all, or those of queries and of the feed-forward's first maps",
                defaults = "all")
        Biases biases,

        @Option(value = "those of normalisations too", defaults = "true")
        boolean normBiases) {
    /** Biases of a model. */
    public enum Biases {
        ALL,
        /** Section 3 of the paper: half of them do nearly as well. */
        QUERY_AND_INTERMEDIATE
    }
}
