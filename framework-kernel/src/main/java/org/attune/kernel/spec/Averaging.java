package org.attune.kernel.spec;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.attune.plugin.Option;

/**
 * Which running average of the parameters is evaluated and saved in place of the last ones; each record by its name in a spec. What is
 * done with it is in {@link org.attune.kernel.optim.WeightAverage}.
 */
public sealed interface Averaging {
    /** Optimiser steps from one set of parameters that is taken in to the next. */
    long every();

    /** The share of the run's steps after which the first is taken in. */
    double from();

    /**
     * The weight of the average so far when another set is taken in.
     *
     * @param taken how many sets are in it, from 1
     */
    double kept(long taken);

    /** All of them by name. */
    Map<String, Class<? extends Record>> KINDS = kinds();

    private static Map<String, Class<? extends Record>> kinds() {
        Map<String, Class<? extends Record>> kinds = new LinkedHashMap<>();
        kinds.put("ema", Ema.class);
        kinds.put("swa", Swa.class);
        return Collections.unmodifiableMap(kinds);
    }

    /** An exponential moving average (Polyak and Juditsky 1992, in the form of Tarvainen and Valpola 2017, arXiv 1703.01780). */
    record Ema(
            @Option(
                    value = "what is kept of it each time: it spans about 1 / (1 - decay) of them",
                    defaults = "0.99",
                    min = 0,
                    max = 1)
            double decay,

            @Option(value = "optimiser steps between the parameters that are taken in", defaults = "1", min = 1)
            long every)
            implements Averaging {
        public Ema {
            if (decay == 1) {
                throw new IllegalArgumentException("decay must be below 1");
            }
        }

        @Override
        public double from() {
            return 0;
        }

        @Override
        public double kept(long taken) {
            return decay;
        }
    }

    /** The mean over the end of the run: stochastic weight averaging (Izmailov et al. 2018, arXiv 1803.05407). */
    record Swa(
            @Option(value = "the share of the run after which it begins", defaults = "0.75", min = 0, max = 1)
            double from,

            @Option(value = "optimiser steps between the parameters that are taken in", defaults = "1", min = 1)
            long every)
            implements Averaging {
        public Swa {
            if (from == 1) {
                throw new IllegalArgumentException("from must be below 1");
            }
        }

        @Override
        public double kept(long taken) {
            return taken / (taken + 1.0);
        }
    }
}
