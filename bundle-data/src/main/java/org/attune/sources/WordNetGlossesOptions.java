package org.attune.sources;

import org.attune.plugin.Option;

/**
 * What {@link WordNetGlosses} may be told: how many of the 117,791 synsets each split gets.
 *
 * @param train from the front of the permutation; 0 for all that the others leave
 * @param validation from before the test examples
 * @param test from the end of the permutation
 */
public record WordNetGlossesOptions(
        @Option(value = "training examples; 0 for all that are left", defaults = "0", min = 0)
        int train,

        @Option(value = "validation examples; 0 for no such split", defaults = "0", min = 0)
        int validation,

        @Option(value = "test examples; 0 for no such split", defaults = "2000", min = 0)
        int test) {}
