package org.attune.evaluation;

/**
 * One number of an evaluation.
 *
 * @param name for example {@code f1_macro}
 * @param value NaN where it is undefined
 * @param direction which way is better
 */
public record Score(String name, double value, Direction direction) {
    /** Which way a number improves. */
    public enum Direction {
        /** Larger is better. */
        UP,
        /** Smaller is better. */
        DOWN
    }

    /** Whether {@code a} is strictly better than {@code b}; anything is better than NaN. */
    public static boolean better(Direction direction, double a, double b) {
        if (Double.isNaN(a) || Double.isNaN(b)) {
            return !Double.isNaN(a);
        }
        return direction == Direction.UP ? a > b : a < b;
    }
}
