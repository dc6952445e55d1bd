package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Aflora} may be told.
 *
 * @param rank r
 * @param scaling what the update is multiplied by
 * @param dropout on the input of the branch alone
 * @param squareTrainable whether A and B of square maps are trained at first
 * @param schedule how the share that stays trainable falls
 * @param tInit steps before the first freezing
 * @param tFinal steps at the end with all matrices frozen
 * @param window steps over which gradients are averaged
 * @param beta1 of the average importance
 * @param beta2 of the average uncertainty
 * @param targets the linear maps to adapt
 * @param selection what is left out or trained whole
 */
public record AfloraOptions(
        @Option(value = "rank r of the update", defaults = "4", min = 1)
        int rank,

        @Option(value = "the update is multiplied by it", defaults = "1.0")
        double scaling,

        @Option(
                value = "dropout on the input of the branch, from 0 up to but not including 1",
                defaults = "0",
                min = 0,
                max = 1)
        double dropout,

        @Option(value = "train A and B of maps whose sides are equal too, until they freeze", defaults = "false")
        boolean squareTrainable,

        @Option(
                value = "how the share that stays trainable falls from 1 to 0: (1 - m)^3 or 1 - m^2",
                defaults = "cubic")
        Schedule schedule,

        @Option(value = "steps before the first freezing; below 1 a share of all steps", defaults = "0.05", min = 0)
        double tInit,

        @Option(
                value = "steps at the end, in which all A and B are frozen; below 1 a share of all steps",
                defaults = "0.7",
                min = 0)
        double tFinal,

        @Option(
                value = "steps over which gradients are averaged, and from one freezing to the next",
                defaults = "10",
                min = 1)
        int window,

        @Option(value = "decay of the average importance", defaults = "0.85", min = 0, max = 1)
        double beta1,

        @Option(value = "decay of the average uncertainty", defaults = "0.95", min = 0, max = 1)
        double beta2,

        @Option(
                value =
                        "linear maps to adapt: path suffixes, or one regular expression for the whole path, or all-linear; "
                                + "queries, keys, values and feed-forward are those of the family",
                defaults = "all-linear")
        List<String> targets,

        Selection selection) {
    /** With m from 0 to 1 between t_init and t_final. */
    public enum Schedule {
        /** {@code (1 - m)^3}, of the code for GLUE. */
        CUBIC,
        /** {@code 1 - m^2}, of the code for GSM8K. */
        QUADRATIC;

        double remaining(double m) {
            return this == CUBIC ? Math.pow(1 - m, 3) : 1 - m * m;
        }
    }
}
