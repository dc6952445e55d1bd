package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Oft} may be told.
 *
 * @param blockSize n, the width of the rotations
 * @param share whether all blocks of a map turn alike
 * @param terms of the Neumann series in place of the exact inverse; 0 for the inverse
 * @param targets the linear maps to adapt
 * @param selection what is left out or trained whole
 */
public record OftOptions(
        @Option(
                value = "width of the blocks of an input that are rotated; it divides the input's width",
                defaults = "32",
                min = 2)
        int blockSize,

        @Option(value = "rotate all blocks of a map alike", defaults = "false")
        boolean share,

        @Option(
                value = "terms of the series that approximates the inverse, as PEFT's use_cayley_neumann does with 5; 0"
                        + " for the inverse itself",
                defaults = "0",
                min = 0)
        int terms,

        @Option(
                value =
                        "linear maps to adapt: path suffixes, or one regular expression for the whole path, or all-linear; "
                                + "queries, keys, values and feed-forward are those of the family",
                defaults = "[queries, values]")
        List<String> targets,

        Selection selection) {}
