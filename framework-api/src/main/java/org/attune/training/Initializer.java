package org.attune.training;

import java.util.Arrays;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;

/** The first value of a parameter. */
@FunctionalInterface
public interface Initializer {
    /**
     * @param rng the parameter's own stream
     * @return the elements in row-major order
     */
    double[] values(Shape shape, Rng rng);

    /** All {@code value}. */
    static Initializer constant(double value) {
        return (shape, rng) -> {
            double[] v = new double[Math.toIntExact(shape.size())];
            Arrays.fill(v, value);
            return v;
        };
    }

    /** Normal with mean 0. */
    static Initializer normal(double standardDeviation) {
        return (shape, rng) -> {
            double[] v = new double[Math.toIntExact(shape.size())];
            Arrays.setAll(v, i -> standardDeviation * rng.gaussian(i));
            return v;
        };
    }

    /** Uniform on (-bound, bound). */
    static Initializer uniform(double bound) {
        return (shape, rng) -> {
            double[] v = new double[Math.toIntExact(shape.size())];
            Arrays.setAll(v, i -> bound * (2 * rng.uniform(i) - 1));
            return v;
        };
    }
}
