package org.attune.peft;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.plugin.Option;
import org.attune.plugin.UserError;

/**
 * What {@link Lora} may be told.
 *
 * @param rank r
 * @param alpha the numerator of the scale
 * @param dropout on the input of the low-rank branch alone
 * @param targets the linear maps to adapt
 * @param rslora the scale of rank-stabilised LoRA
 * @param selection what is left out or trained whole
 * @param rankPattern other ranks, by regular expression for the end of the path; the first that fits counts
 * @param alphaPattern other alphas, likewise
 * @param init first values
 * @param bias which of the base model's biases are trained too
 * @param loraplusRatio the learning rate of B over that of A
 * @param eva of first values that come from the data
 */
public record LoraOptions(
        @Option(value = "rank r of the update", defaults = "8", min = 1)
        int rank,

        @Option(value = "scale of the update: it is multiplied by alpha / rank", defaults = "16.0")
        double alpha,

        @Option(
                value = "dropout on the input of the low-rank branch, from 0 up to but not including 1",
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

        @Option(
                value = "multiply by alpha / sqrt(rank), which keeps high ranks learning (rank-stabilised LoRA)",
                defaults = "false")
        boolean rslora,

        Selection selection,

        @Option(
                value = "other ranks for some maps, by regular expression for the end of the path",
                defaults = "{}",
                min = 1)
        Map<String, Integer> rankPattern,

        @Option(value = "other alphas for some maps, by regular expression for the end of the path", defaults = "{}")
        Map<String, Double> alphaPattern,

        @Option(
                value =
                        "first values: A random and B 0; or gaussian; or a part of the weight itself, trained on top of the"
                                + " rest, by its largest singular values (pissa) or an orthonormal basis (olora); or A the"
                                + " directions in which the data varies most (eva)",
                defaults = "default")
        Start init,

        @Option(
                value = "the base model's biases to train too: none, all, or those of the adapted maps",
                defaults = "none")
        Bias bias,

        @Option(
                value =
                        "the learning rate of B and of one-dimensional parameters as a multiple of A's (LoRA+); 1 for LoRA",
                defaults = "1",
                min = 0)
        double loraplusRatio,

        EvaOptions eva) {
    /** First values of the update. */
    public enum Start {
        /** A uniform on ±1/sqrt(in), B zero. */
        DEFAULT,
        /** A normal with deviation 1 / rank, B zero. */
        GAUSSIAN,
        /** See {@link Decomposition#principal}. */
        PISSA,
        /** See {@link Decomposition#orthonormal}. */
        OLORA,
        /** See {@link Eva}. */
        EVA;

        /** Whether the update begins as a part of the base's weight, which is then taken off it. */
        boolean ofTheWeight() {
            return this == PISSA || this == OLORA;
        }
    }

    /** Biases that are trained beside the update. */
    public enum Bias {
        NONE,
        ALL,
        /** Those of the adapted linear maps. */
        LORA_ONLY
    }

    /** The method without its further options. */
    public LoraOptions(int rank, double alpha, double dropout, List<String> targets, boolean rslora) {
        this(
                rank,
                alpha,
                dropout,
                targets,
                rslora,
                Selection.ALL,
                Map.of(),
                Map.of(),
                Start.DEFAULT,
                Bias.NONE,
                1,
                EvaOptions.DEFAULT);
    }

    /** Rank of the update at a linear map. */
    int rank(String path) {
        return first(rankPattern, path, rank);
    }

    /** What the product B A is multiplied by at a linear map. */
    double scale(String path) {
        double r = rank(path);
        return first(alphaPattern, path, alpha) / (rslora ? Math.sqrt(r) : r);
    }

    /**
     * The same over the maps that have a rank, with these ranks and alphas that go with them.
     *
     * @param ranks by path; 0 for a map that is left alone
     */
    LoraOptions withRanks(Map<String, Integer> ranks) {
        List<String> paths = new ArrayList<>();
        Map<String, Integer> otherRanks = new LinkedHashMap<>();
        Map<String, Double> otherAlphas = new LinkedHashMap<>();
        ranks.forEach((path, own) -> {
            if (own == 0) {
                return;
            }
            paths.add(path);
            double ownAlpha = first(alphaPattern, path, alpha);
            if (eva.adjustScalingFactors()) {
                ownAlpha *= (double) own / rank(path);
            }
            if (own != rank) {
                otherRanks.put(path, own);
            }
            if (ownAlpha != alpha) {
                otherAlphas.put(path, ownAlpha);
            }
        });
        return new LoraOptions(
                rank,
                alpha,
                dropout,
                paths,
                rslora,
                selection,
                otherRanks,
                otherAlphas,
                init,
                bias,
                loraplusRatio,
                eva);
    }

    /** The value of the first pattern that fits the path or its end. */
    private static <T> T first(Map<String, T> patterns, String path, T otherwise) {
        return patterns.entrySet().stream()
                .filter(e -> Targets.compiled("lora", "(.*\\.)?(" + e.getKey() + ")")
                        .matcher(path)
                        .matches())
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(otherwise);
    }

    /** Where the method acts. */
    Targets where() {
        return new Targets("lora", targets, selection);
    }

    /** What the declared ranges cannot say. */
    void check() {
        if (dropout >= 1) {
            throw new UserError(
                    "lora: dropout is " + dropout + "; it must be below 1, for at 1 nothing is left to learn");
        }
    }
}
