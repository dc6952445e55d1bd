package org.attune.peft;

import java.util.List;
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
        boolean rslora) {
    private static final List<String> ALL_LINEAR = List.of("all-linear");

    /** What the product B A is multiplied by. */
    double scale() {
        return alpha / (rslora ? Math.sqrt(rank) : rank);
    }

    /** Whether every linear map but the classification head is meant. */
    boolean allLinear() {
        return targets.equals(ALL_LINEAR);
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
    }
}
