package org.attune.trainers;

import org.attune.plugin.Option;

/**
 * What {@link MaskedLm} may be told.
 *
 * @param maxLength in tokens
 * @param probability of a token, or word, to be predicted
 * @param wholeWord whether a word's tokens are chosen together
 */
public record MaskedLmOptions(
        @Option(
                value =
                        "longest input in tokens, special tokens included; longer text is cut, also where the model takes less",
                defaults = "512",
                min = 3)
        int maxLength,

        @Option(value = "the share of tokens that are to be predicted", defaults = "0.15", min = 0, max = 1)
        double probability,

        @Option(value = "choose whole words rather than single tokens", defaults = "false")
        boolean wholeWord) {}
