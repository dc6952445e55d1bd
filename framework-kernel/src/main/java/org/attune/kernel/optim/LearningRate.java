package org.attune.kernel.optim;

import java.util.OptionalDouble;
import org.attune.kernel.spec.Schedule;

/**
 * The learning rate over a run, as a multiple of its peak; equal to the {@code get_..._schedule} functions of Hugging Face
 * transformers, where the warm-up rises linearly from 0, so that the very first step changes nothing, and to PyTorch's OneCycleLR.
 */
public final class LearningRate {
    /** The timescale of {@code get_inverse_sqrt_schedule} without a warm-up. */
    private static final long INVERSE_SQRT_TIMESCALE = 10_000;

    private final Schedule schedule;
    private final long warmup;
    private final long total;

    /**
     * A warm-up below 1 is a share of all steps: {@code (long) (share * total)} steps, but at least one.
     *
     * @param total optimiser steps of the whole run
     */
    public LearningRate(Schedule schedule, long total) {
        this.schedule = schedule;
        this.total = total;
        this.warmup = steps(schedule.warmup());
    }

    private long steps(double given) {
        return given > 0 && given < 1 ? Math.max(1, (long) (given * total)) : (long) given;
    }

    /** Steps of warm-up. */
    public long warmup() {
        return warmup;
    }

    /**
     * What the peak learning rate is multiplied with.
     *
     * @param step optimiser steps done before this one, from 0
     */
    public double multiplier(long step) {
        if (schedule instanceof Schedule.OneCycle cycle) {
            double begin = 1 / cycle.div();
            return oneCycle(cycle, step, begin, 1, begin, begin / cycle.finalDiv());
        }
        if (step < warmup) {
            double share = (double) step / warmup;
            return schedule instanceof Schedule.Wsd wsd ? above(wsd.min(), share) : share;
        }
        double rest = Math.max(1, total - warmup);
        double done = (step - warmup) / rest;
        if (schedule instanceof Schedule.Linear) {
            return Math.max(0, (total - step) / rest);
        }
        if (schedule instanceof Schedule.Cosine cosine) {
            return Math.max(0, above(cosine.min(), halfCosine(2 * cosine.cycles() * done)));
        }
        if (schedule instanceof Schedule.CosineRestarts restarts) {
            return done >= 1 ? 0 : Math.max(0, halfCosine(restarts.cycles() * done % 1));
        }
        if (schedule instanceof Schedule.Polynomial polynomial) {
            return step > total ? polynomial.min() : above(polynomial.min(), Math.pow(1 - done, polynomial.power()));
        }
        if (schedule instanceof Schedule.InverseSqrt inverse) {
            long scale = inverse.timescale() > 0 ? inverse.timescale() : warmup > 0 ? warmup : INVERSE_SQRT_TIMESCALE;
            return 1 / Math.sqrt((double) (step + scale - warmup) / scale);
        }
        if (schedule instanceof Schedule.Wsd wsd) {
            return wsd(wsd, step);
        }
        return 1;
    }

    /**
     * The momentum of a step; empty where the schedule leaves it to the optimiser.
     *
     * @param step optimiser steps done before this one, from 0
     */
    public OptionalDouble momentum(long step) {
        return schedule instanceof Schedule.OneCycle cycle && cycle.cycleMomentum()
                ? OptionalDouble.of(oneCycle(
                        cycle,
                        step,
                        cycle.maxMomentum(),
                        cycle.baseMomentum(),
                        cycle.maxMomentum(),
                        cycle.maxMomentum()))
                : OptionalDouble.empty();
    }

    private double wsd(Schedule.Wsd wsd, long step) {
        long decay = steps(wsd.decay());
        long begin = Math.max(warmup, total - decay);
        if (step < begin) {
            return 1;
        }
        if (step >= total) {
            return wsd.min();
        }
        double done = (double) (step - begin) / (total - begin);
        return above(
                wsd.min(),
                switch (wsd.shape()) {
                    case COSINE -> halfCosine(done);
                    case LINEAR -> 1 - done;
                    case ONE_MINUS_SQRT -> 1 - Math.sqrt(done);
                });
    }

    /**
     * From {@code begin} to {@code peak} and on to {@code end}, or back to {@code middle} before. A phase ends one step early, and the
     * rise's length is not rounded, as in PyTorch.
     */
    private double oneCycle(Schedule.OneCycle cycle, long step, double begin, double peak, double middle, double end) {
        double rise = cycle.warmup() < 1 ? cycle.warmup() * total : cycle.warmup();
        double last = Math.max(rise, total - 1.0);
        double top = rise - 1;
        double back = 2 * rise - 2;
        if (step <= top) {
            return between(cycle, begin, peak, step, 0, top);
        }
        if (!cycle.threePhases()) {
            return between(cycle, peak, end, step, top, last);
        }
        return step <= back
                ? between(cycle, peak, middle, step, top, back)
                : between(cycle, middle, end, step, back, last);
    }

    /** On the way from one value at {@code first} to another at {@code last}. */
    private static double between(
            Schedule.OneCycle cycle, double from, double to, long step, double first, double last) {
        double done = last > first ? Math.min(1, (step - first) / (last - first)) : 1;
        return cycle.linear() ? from + (to - from) * done : to + (from - to) * halfCosine(done);
    }

    /** From 1 at 0 to 0 at 1. */
    private static double halfCosine(double x) {
        return 0.5 * (1 + Math.cos(Math.PI * x));
    }

    private static double above(double min, double share) {
        return share * (1 - min) + min;
    }
}
