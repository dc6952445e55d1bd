package org.attune.kernel.optim;

import org.attune.kernel.spec.TrialSpec.Schedule;

/**
 * The learning rate over a run, as a multiple of its peak; equal to {@code get_constant|linear|cosine_schedule_with_warmup}
 * of Hugging Face transformers. The warm-up rises linearly from 0, so that the very first step changes nothing.
 */
public final class LearningRate {
    private final Schedule.Kind kind;
    private final long warmup;
    private final long total;

    /**
     * A warm-up below 1 is a share of all steps: {@code (long) (share * total)} steps, but at least one.
     *
     * @param total optimiser steps of the whole run
     */
    public LearningRate(Schedule schedule, long total) {
        this.kind = schedule.kind();
        this.total = total;
        double w = schedule.warmup();
        this.warmup = w > 0 && w < 1 ? Math.max(1, (long) (w * total)) : (long) w;
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
        if (step < warmup) {
            return (double) step / warmup;
        }
        double rest = Math.max(1, total - warmup);
        return switch (kind) {
            case CONSTANT -> 1;
            case LINEAR -> Math.max(0, (total - step) / rest);
            case COSINE -> Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((step - warmup) / rest))));
        };
    }
}
