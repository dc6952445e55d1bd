package org.attune.kernel.spec;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.attune.plugin.Option;

/**
 * How the learning rate changes over the run; each record by its name in a spec. What they compute is in
 * {@link org.attune.kernel.optim.LearningRate}.
 */
public sealed interface Schedule {
    /** Optimiser steps of linear warm-up from 0: a whole number of steps from 1 on, or a share of all steps below 1. */
    double warmup();

    /** All of them by name, the default first. */
    Map<String, Class<? extends Record>> KINDS = kinds();

    private static Map<String, Class<? extends Record>> kinds() {
        Map<String, Class<? extends Record>> kinds = new LinkedHashMap<>();
        kinds.put("linear", Linear.class);
        kinds.put("constant", Constant.class);
        kinds.put("cosine", Cosine.class);
        kinds.put("cosine-restarts", CosineRestarts.class);
        kinds.put("polynomial", Polynomial.class);
        kinds.put("inverse-sqrt", InverseSqrt.class);
        kinds.put("wsd", Wsd.class);
        kinds.put("one-cycle", OneCycle.class);
        kinds.put("plateau", Plateau.class);
        return Collections.unmodifiableMap(kinds);
    }

    private static void steps(String name, double value) {
        if (!(value >= 0) || value >= 1 && value != Math.rint(value)) {
            throw new IllegalArgumentException(
                    name + " must be a share of all steps below 1 or a whole number of steps, found " + value);
        }
    }

    /** Falls linearly to 0. */
    record Linear(
            @Option(value = "steps, or a share of all steps below 1", defaults = "0.06", min = 0)
            double warmup) implements Schedule {
        public Linear {
            steps("warmup", warmup);
        }
    }

    /** Stays. */
    record Constant(
            @Option(value = "steps, or a share of all steps below 1", defaults = "0.06", min = 0)
            double warmup) implements Schedule {
        public Constant {
            steps("warmup", warmup);
        }
    }

    /** Falls along cosines, half of one unless asked otherwise. */
    record Cosine(
            @Option(value = "steps, or a share of all steps below 1", defaults = "0.06", min = 0)
            double warmup,

            @Option(value = "how many cosines there are", defaults = "0.5", min = 0)
            double cycles,

            @Option(value = "the lowest, as a share of the peak", defaults = "0", min = 0, max = 1)
            double min)
            implements Schedule {
        public Cosine {
            steps("warmup", warmup);
        }
    }

    /** Falls along half a cosine to 0 several times. */
    record CosineRestarts(
            @Option(value = "steps, or a share of all steps below 1", defaults = "0.06", min = 0)
            double warmup,

            @Option(value = "how often it falls", defaults = "1", min = 1)
            int cycles)
            implements Schedule {
        public CosineRestarts {
            steps("warmup", warmup);
        }
    }

    /** Falls as a power of what is left of the run. */
    record Polynomial(
            @Option(value = "steps, or a share of all steps below 1", defaults = "0.06", min = 0)
            double warmup,

            @Option(value = "the power", defaults = "1", min = 0)
            double power,

            @Option(value = "the last, as a share of the peak", defaults = "0", min = 0, max = 1)
            double min)
            implements Schedule {
        public Polynomial {
            steps("warmup", warmup);
        }
    }

    /** Falls as 1 / sqrt(step), whatever the run's length. */
    record InverseSqrt(
            @Option(value = "steps, or a share of all steps below 1", defaults = "0.06", min = 0)
            double warmup,

            @Option(value = "steps in which it falls to 0.7; 0 for those of the warm-up", defaults = "0", min = 0)
            long timescale)
            implements Schedule {
        public InverseSqrt {
            steps("warmup", warmup);
        }
    }

    /** Stays, then falls at the end: warm-up, stable, decay (Hu et al. 2024, arXiv 2404.06395). */
    record Wsd(
            @Option(value = "steps, or a share of all steps below 1", defaults = "0.06", min = 0)
            double warmup,

            @Option(
                    value = "the steps in which it falls: a number, or a share of all steps below 1",
                    defaults = "0.1",
                    min = 0)
            double decay,

            @Option(value = "how it falls", defaults = "cosine")
            Shape shape,

            @Option(value = "where it begins and ends, as a share of the peak", defaults = "0", min = 0, max = 1)
            double min)
            implements Schedule {
        /** Along half a cosine, a line, or 1 less the root of the share of the decay that is done. */
        public enum Shape {
            COSINE,
            LINEAR,
            ONE_MINUS_SQRT
        }

        public Wsd {
            steps("warmup", warmup);
            steps("decay", decay);
        }
    }

    /**
     * Rises to the peak and falls far below its beginning (Smith and Topin 2017, arXiv 1708.07120), in PyTorch's form: the
     * optimiser's momentum falls while the rate rises, and rises while it falls.
     */
    record OneCycle(
            @Option(value = "the rise: steps, or a share of all steps below 1", defaults = "0.3", min = 0)
            double warmup,

            @Option(value = "the peak divided by the beginning", defaults = "25", min = 1)
            double div,

            @Option(value = "the beginning divided by the end", defaults = "1e4", min = 1)
            double finalDiv,

            @Option(value = "along lines rather than half cosines", defaults = "false")
            boolean linear,

            @Option(value = "fall in as many steps as it rises to the beginning, then to the end", defaults = "false")
            boolean threePhases,

            @Option(value = "move the optimiser's momentum too, against the rate", defaults = "true")
            boolean cycleMomentum,

            @Option(value = "the lowest momentum, at the peak", defaults = "0.85", min = 0, max = 1)
            double baseMomentum,

            @Option(value = "the highest momentum", defaults = "0.95", min = 0, max = 1)
            double maxMomentum)
            implements Schedule {
        public OneCycle {
            steps("warmup", warmup);
            if (maxMomentum == 1 || baseMomentum > maxMomentum) {
                throw new IllegalArgumentException("base_momentum must be at most max_momentum, and that below 1");
            }
        }
    }

    /** Stays until a score no longer improves from evaluation to evaluation, then is multiplied by the factor. */
    record Plateau(
            @Option(value = "steps, or a share of all steps below 1", defaults = "0.06", min = 0)
            double warmup,

            @Option("name of a score, for example f1_macro") String metric,

            @Option(value = "what the learning rate is multiplied by", defaults = "0.1", min = 0, max = 1)
            double factor,

            @Option(value = "evaluations without improvement that are endured", defaults = "10", min = 0)
            int patience,

            @Option(value = "an improvement is larger than this share of the best", defaults = "1e-4", min = 0)
            double threshold,

            @Option(value = "whether the threshold is a difference and not a share", defaults = "false")
            boolean absolute,

            @Option(value = "evaluations after a change that are not counted", defaults = "0", min = 0)
            int cooldown,

            @Option(value = "the lowest, as a share of the peak", defaults = "0", min = 0, max = 1)
            double min)
            implements Schedule {
        public Plateau {
            steps("warmup", warmup);
        }
    }
}
