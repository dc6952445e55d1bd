package org.attune.peft;

import java.util.List;
import java.util.Map;
import org.attune.plugin.Option;

/**
 * What {@link Adalora} may be told.
 *
 * @param initRank rank of each map at the start
 * @param targetRank mean rank at the end
 * @param alpha numerator of the scale
 * @param dropout on the input of the branch alone
 * @param tInit steps before anything is pruned
 * @param tFinal steps after the last pruning
 * @param deltaT steps from one pruning to the next
 * @param beta1 of the average importance
 * @param beta2 of the average uncertainty
 * @param orthogonality weight of the penalty
 * @param targets the linear maps to adapt
 * @param selection what is left out or trained whole
 * @param ranks of maps that were pruned before, by path; others have the initial rank
 */
public record AdaloraOptions(
        @Option(value = "rank of each map at the start", defaults = "12", min = 1)
        int initRank,

        @Option(value = "mean rank of the maps at the end, below init_rank", defaults = "8", min = 0)
        int targetRank,

        @Option(value = "scale of the update: it is multiplied by alpha / init_rank", defaults = "16.0")
        double alpha,

        @Option(
                value = "dropout on the input of the branch, from 0 up to but not including 1",
                defaults = "0",
                min = 0,
                max = 1)
        double dropout,

        @Option(value = "steps before the first pruning; below 1 a share of all steps", defaults = "0.1", min = 0)
        double tInit,

        @Option(value = "steps at the end whose ranks stay; below 1 a share of all steps", defaults = "0.2", min = 0)
        double tFinal,

        @Option(value = "steps from one pruning to the next", defaults = "10", min = 1)
        int deltaT,

        @Option(value = "decay of the average importance", defaults = "0.85", min = 0, max = 1)
        double beta1,

        @Option(value = "decay of the average uncertainty", defaults = "0.85", min = 0, max = 1)
        double beta2,

        @Option(value = "weight of the penalty that keeps the factors orthogonal", defaults = "0.5", min = 0)
        double orthogonality,

        @Option(
                value =
                        "linear maps to adapt: path suffixes, or one regular expression for the whole path, or all-linear; "
                                + "queries, keys, values and feed-forward are those of the family",
                defaults = "[queries, values]")
        List<String> targets,

        Selection selection,

        @Option(
                value = "ranks of maps that were pruned before, by path, as a saved adapter states them",
                defaults = "{}",
                min = 0)
        Map<String, Integer> ranks) {
    /** Rank of the update at a linear map; 0 where it was pruned away. */
    int rank(String path) {
        return ranks.getOrDefault(path, initRank);
    }

    /** PEFT divides by a little more than the rank. */
    double scale() {
        return alpha / (initRank + 1e-5);
    }
}
