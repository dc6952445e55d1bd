package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Hra} may be told.
 *
 * @param rank r, the number of reflections
 * @param targets the linear maps to adapt
 * @param selection what is left out or trained whole
 */
public record HraOptions(
        @Option(value = "number r of reflections; even, or the map does not begin as it was", defaults = "8", min = 1)
        int rank,

        @Option(
                value =
                        "linear maps to adapt: path suffixes, or one regular expression for the whole path, or all-linear; "
                                + "queries, keys, values and feed-forward are those of the family",
                defaults = "[queries, values]")
        List<String> targets,

        Selection selection) {}
