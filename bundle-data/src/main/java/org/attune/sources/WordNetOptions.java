package org.attune.sources;

import org.attune.plugin.Option;

/**
 * What {@link WordNetSupersense} may be told: how many of the 82,192 nouns each split gets.
 *
 * @param train from the front of the permutation
 * @param validation from before the test examples
 * @param test from the end of the permutation
 */
public record WordNetOptions(
        @Option(value = "training examples", defaults = "8000", min = 1)
        int train,

        @Option(value = "validation examples; 0 for no such split", defaults = "0", min = 0)
        int validation,

        @Option(value = "test examples; 0 for no such split", defaults = "2000", min = 0)
        int test) {}
