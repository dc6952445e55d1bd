package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Vera} may be told.
 *
 * @param rank r of the shared matrices
 * @param initial the first value of d
 * @param dropout on the input of the branch alone
 * @param targets the linear maps to adapt
 * @param selection what is left out or trained whole
 */
public record VeraOptions(
        @Option(value = "rank r of the shared random matrices", defaults = "256", min = 1)
        int rank,

        @Option(value = "first value of the inner vectors d", defaults = "0.1")
        double initial,

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
