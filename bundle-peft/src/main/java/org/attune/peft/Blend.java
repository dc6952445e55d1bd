package org.attune.peft;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.attune.tensor.Rng;
import org.attune.training.Weighting.Kind;
import org.attune.training.Weighting.Sign;
import org.attune.training.Weighting.Way;

/**
 * One tensor of several of a shape, as peft/utils/merge_utils.py makes it: each is pruned or not, then they are summed by their weights,
 * or, by ties, those elements that have the elected sign are, and divided by their number.
 */
final class Blend {
    private final boolean elects;
    private final Sign sign;
    private final Pruning pruning;

    Blend(Way way, Pruning pruning) {
        Kind kind = way.type();
        this.elects = kind.name().contains("TIES");
        this.sign = way.sign();
        this.pruning = pruning;
    }

    /** What is left of a tensor. */
    @FunctionalInterface
    interface Pruning {
        /**
         * @param name of the tensor
         * @param part the place of its adapter among those that have it
         */
        double[] of(String name, int part, double[] values);
    }

    /** That of a way. */
    static Pruning pruning(Way way) {
        return switch (way.type()) {
            case LINEAR, CAT, SVD -> (name, part, values) -> values;
            case TIES, TIES_SVD, MAGNITUDE_PRUNE, MAGNITUDE_PRUNE_SVD ->
                (name, part, values) -> largest(values, way.density());
            case DARE_LINEAR, DARE_LINEAR_SVD, DARE_TIES, DARE_TIES_SVD ->
                (name, part, values) -> dropped(
                        values, way.density(), Rng.of(way.seed()).at(name).at(part));
        };
    }

    /** The so manieth part of the elements that are largest by magnitude; of equal ones the first. */
    private static double[] largest(double[] values, double density) {
        int kept = (int) (density * values.length);
        double[] result = new double[values.length];
        if (kept == 0) {
            return result;
        }
        double[] sizes = Arrays.stream(values).map(Math::abs).sorted().toArray();
        double least = sizes[sizes.length - kept];
        int larger =
                (int) Arrays.stream(values).filter(v -> Math.abs(v) > least).count();
        int equal = kept - larger;
        for (int i = 0; i < values.length; i++) {
            double size = Math.abs(values[i]);
            if (size > least || size == least && equal-- > 0) {
                result[i] = values[i];
            }
        }
        return result;
    }

    private static double[] dropped(double[] values, double density, Rng rng) {
        double[] result = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = rng.uniform(i) < density ? values[i] / density : 0;
        }
        return result;
    }

    /** @param name of the tensor, for what is random in it */
    double[] of(String name, List<double[]> parts, double[] weights) {
        List<double[]> pruned = new ArrayList<>();
        for (int n = 0; n < parts.size(); n++) {
            pruned.add(pruning.of(name, n, parts.get(n)));
        }
        double[] blend = new double[parts.get(0).length];
        for (int i = 0; i < blend.length; i++) {
            blend[i] = elects ? elected(pruned, weights, i) : sum(pruned, weights, i);
        }
        return blend;
    }

    private static double sum(List<double[]> parts, double[] weights, int i) {
        double sum = 0;
        for (int n = 0; n < weights.length; n++) {
            sum += weights[n] * parts.get(n)[i];
        }
        return sum;
    }

    /** The weights count in the sum, not in the election; an element that was pruned agrees with neither sign. */
    private double elected(List<double[]> parts, double[] weights, int i) {
        double votes = 0;
        for (double[] part : parts) {
            votes += sign == Sign.TOTAL ? part[i] : Math.signum(part[i]);
        }
        double winner = votes >= 0 ? 1 : -1;
        double sum = 0;
        int agreeing = 0;
        for (int n = 0; n < weights.length; n++) {
            if (Math.signum(parts.get(n)[i]) == winner) {
                sum += weights[n] * parts.get(n)[i];
                agreeing++;
            }
        }
        return sum / Math.max(1, agreeing);
    }
}
