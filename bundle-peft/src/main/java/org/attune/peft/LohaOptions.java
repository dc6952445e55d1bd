package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Loha} may be told.
 *
 * @param rank r of each of the two products
 * @param alpha the numerator of the scale
 * @param targets the linear maps to adapt
 * @param selection what is left out or trained whole
 */
public record LohaOptions(
        @Option(value = "rank r of each of the two products", defaults = "8", min = 1)
        int rank,

        @Option(value = "scale of the update: it is multiplied by alpha / rank", defaults = "8.0")
        double alpha,

        @Option(
                value =
                        "linear maps to adapt: path suffixes, or one regular expression for the whole path, or all-linear; "
                                + "queries, keys, values and feed-forward are those of the family",
                defaults = "[queries, values]")
        List<String> targets,

        Selection selection) {}
