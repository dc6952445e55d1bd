package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Lokr} may be told.
 *
 * @param rank r, of a factor that is large enough to be factored itself
 * @param alpha the numerator of the scale
 * @param decomposeBoth whether the first factor may be factored too
 * @param decomposeFactor into how many the sides are cut
 * @param targets the linear maps to adapt
 * @param selection what is left out or trained whole
 */
public record LokrOptions(
        @Option(value = "rank r of a Kronecker factor whose sides are above 2 r", defaults = "8", min = 1)
        int rank,

        @Option(value = "scale of the update: it is multiplied by alpha / rank", defaults = "8.0")
        double alpha,

        @Option(value = "factor the first Kronecker factor too, where it is large enough", defaults = "false")
        boolean decomposeBoth,

        @Option(
                value =
                        "into how many pieces the sides are cut, or the nearest below that divides; -1 for about the root",
                defaults = "-1",
                min = -1)
        int decomposeFactor,

        @Option(
                value =
                        "linear maps to adapt: path suffixes, or one regular expression for the whole path, or all-linear; "
                                + "queries, keys, values and feed-forward are those of the family",
                defaults = "[queries, values]")
        List<String> targets,

        Selection selection) {}
