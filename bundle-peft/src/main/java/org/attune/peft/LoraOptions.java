package org.attune.peft;

import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
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
 * @param exclude linear maps that targets name, but that are left alone
 * @param layers the numbers of the layers to adapt; none for all
 * @param layersPattern what stands before a layer's number; none for whatever does
 * @param rankPattern other ranks, by regular expression for the end of the path; the first that fits counts
 * @param alphaPattern other alphas, likewise
 * @param bias which of the base model's biases are trained too
 * @param modulesToSave modules that are trained whole
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
                        "linear maps to adapt: path suffixes, or one regular expression for the whole path, or all-linear",
                defaults = "[query, value]")
        List<String> targets,

        @Option(
                value = "multiply by alpha / sqrt(rank), which keeps high ranks learning (rank-stabilised LoRA)",
                defaults = "false")
        boolean rslora,

        @Option(
                value = "of these linear maps, those to leave alone: path suffixes, or one regular expression",
                defaults = "[]")
        List<String> exclude,

        @Option(value = "numbers of the layers to adapt, from 0; empty for all", defaults = "[]", min = 0)
        List<Integer> layers,

        @Option(
                value = "with layers: what stands before a layer's number in the path, as in h.0; empty for any name",
                defaults = "[]")
        List<String> layersPattern,

        @Option(
                value = "other ranks for some maps, by regular expression for the end of the path",
                defaults = "{}",
                min = 1)
        Map<String, Integer> rankPattern,

        @Option(value = "other alphas for some maps, by regular expression for the end of the path", defaults = "{}")
        Map<String, Double> alphaPattern,

        @Option(
                value = "the base model's biases to train too: none, all, or those of the adapted maps",
                defaults = "none")
        Bias bias,

        @Option(value = "modules of the base model to train whole, such as lm_head: path suffixes", defaults = "[]")
        List<String> modulesToSave) {
    private static final List<String> ALL_LINEAR = List.of("all-linear");

    /** A module path or its end; anything else is a regular expression. */
    static final Pattern PATH = Pattern.compile("[\\w.-]+");

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
                rank, alpha, dropout, targets, rslora, List.of(), List.of(), List.of(), Map.of(), Map.of(), Bias.NONE,
                List.of());
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

    /** The value of the first pattern that fits the path or its end. */
    private static <T> T first(Map<String, T> patterns, String path, T otherwise) {
        return patterns.entrySet().stream()
                .filter(e ->
                        compiled("(.*\\.)?(" + e.getKey() + ")").matcher(path).matches())
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(otherwise);
    }

    /** Whether every linear map but the classification head is meant. */
    boolean allLinear() {
        return targets.equals(ALL_LINEAR);
    }

    /** Whether names are one regular expression for a whole path rather than ends of paths. */
    static boolean isPattern(List<String> names) {
        return names.size() == 1 && !PATH.matcher(names.get(0)).matches();
    }

    static Pattern compiled(String regex) {
        try {
            return Pattern.compile(regex);
        } catch (PatternSyntaxException e) {
            throw new UserError("lora: '" + regex + "' is no regular expression: " + e.getDescription(), e);
        }
    }

    /** What the declared ranges cannot say. */
    void check() {
        if (dropout >= 1) {
            throw new UserError(
                    "lora: dropout is " + dropout + "; it must be below 1, for at 1 nothing is left to learn");
        }
        if (targets.isEmpty()) {
            throw new UserError("lora: targets is empty; name at least one linear map, or use head-only");
        }
        if (!layers.isEmpty() && (allLinear() || isPattern(targets))) {
            throw new UserError("lora: layers is given, but targets is " + targets.get(0)
                    + "; name the linear maps, or say the layers in the regular expression");
        }
        if (layers.isEmpty() && !layersPattern.isEmpty()) {
            throw new UserError("lora: layers_pattern is given, but no layers; name their numbers");
        }
    }
}
