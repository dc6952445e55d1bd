package org.attune.peft;

/** Numbers of steps as options give them. */
public final class StepCount {
    private StepCount() {}

    /** Whole steps; a number below 1 is a share of all. */
    public static long of(double given, long all) {
        return given < 1 ? (long) (given * all) : (long) given;
    }
}
