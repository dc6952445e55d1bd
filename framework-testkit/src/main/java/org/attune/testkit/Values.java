package org.attune.testkit;

import org.attune.tensor.Rng;
import org.attune.tensor.Shape;

/** Input numbers by kind, repeatable, all of them exact in float32 so that every engine starts from the same. */
enum Values {
    /** Uniform on (-2, 2). */
    ANY,
    /** Uniform on (0.5, 2): for logarithms, roots and divisors. */
    POSITIVE,
    /** Of either sign with a size of 0.3 to 2: for functions with a kink at 0. */
    OFF_ZERO;

    double[] draw(Shape shape, long place) {
        Rng rng = Rng.of(17).at(place).at(name());
        double[] values = new double[Math.toIntExact(shape.size())];
        for (int i = 0; i < values.length; i++) {
            double u = rng.uniform(i);
            values[i] = (float)
                    switch (this) {
                        case ANY -> 4 * u - 2;
                        case POSITIVE -> 0.5 + 1.5 * u;
                        case OFF_ZERO -> u < 0.5 ? -0.3 - 3.4 * u : 0.3 + 3.4 * (u - 0.5);
                    };
        }
        return values;
    }
}
