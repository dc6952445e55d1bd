package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Ia3} may be told.
 *
 * @param targets the linear maps to rescale
 * @param feedforward of those, the ones whose input is rescaled rather than their output
 * @param selection what is left out or trained whole
 */
public record Ia3Options(
        @Option(
                value =
                        "linear maps to rescale: path suffixes, or one regular expression for the whole path, or all-linear; "
                                + "queries, keys, values and feed-forward are those of the family",
                defaults = "[keys, values, feed-forward]")
        List<String> targets,

        @Option(
                value =
                        "of the targets, those whose input is rescaled rather than their output: path suffixes, or one regular expression",
                defaults = "[feed-forward]")
        List<String> feedforward,

        Selection selection) {}
