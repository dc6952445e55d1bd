package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;
import org.attune.plugin.UserError;

/**
 * What {@link Gralora} may be told.
 *
 * @param rank r of the blocks together; PEFT's meaning: without the general part
 * @param alpha the numerator of the scale
 * @param blocks k, into how many blocks each side is cut
 * @param hybridRank the rank of an ordinary low-rank update beside
 * @param dropout on the input of the branch alone
 * @param targets the linear maps to adapt
 * @param selection what is left out or trained whole
 */
public record GraloraOptions(
        @Option(value = "rank r of the blocks together, a multiple of blocks", defaults = "8", min = 1)
        int rank,

        @Option(value = "scale of the update: it is multiplied by alpha / (rank + hybrid_rank)", defaults = "16.0")
        double alpha,

        @Option(value = "k: each side of a map is cut into so many; it divides them", defaults = "2", min = 1)
        int blocks,

        @Option(value = "rank of an ordinary low-rank update beside the blocks", defaults = "0", min = 0)
        int hybridRank,

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

        Selection selection) {
    public GraloraOptions {
        if (rank % blocks != 0) {
            throw new UserError("rank is " + rank + ", expected a multiple of blocks, which is " + blocks);
        }
    }
}
