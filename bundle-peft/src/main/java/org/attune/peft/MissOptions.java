package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Miss} may be told.
 *
 * @param rank r, the rows of the shared block
 * @param dropout on the input of the branch alone
 * @param targets the linear maps to adapt
 * @param selection what is left out or trained whole
 */
public record MissOptions(
        @Option(value = "rows r of the shared block", defaults = "8", min = 1)
        int rank,

        @Option(
                value = "dropout on the input of the branch, from 0 up to but not including 1",
                defaults = "0",
                min = 0,
                max = 1)
        double dropout,

        @Option(
                value =
                        "linear maps to adapt: path suffixes, or one regular expression for the whole path, or all-linear; "
                                + "queries, keys, values and feed-forward are those of the family",
                defaults = "[queries, values]")
        List<String> targets,

        Selection selection) {}
