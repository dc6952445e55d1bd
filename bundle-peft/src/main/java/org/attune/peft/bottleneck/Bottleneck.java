package org.attune.peft.bottleneck;

import org.attune.model.AttachPoint;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Unary;
import org.attune.training.Initializer;

/**
 * {@code u(a) = s (W_up f(W_down a + b_down) + b_up)}. Its parameters at a site are {@code SITE.adapter.down.weight} [k, d],
 * {@code .down.bias}, {@code .up.weight} [d, k], {@code .up.bias}, and {@code SITE.adapter.scaling} [1] where s is trained.
 */
public final class Bottleneck {
    private final Projection down;
    private final Unary function;
    private final Projection up;
    private final double scaling;
    /** [1]; null where the factor is a constant. */
    private final Tensor learned;

    private Bottleneck(Projection down, Unary function, Projection up, double scaling, Tensor learned) {
        this.down = down;
        this.function = function;
        this.up = up;
        this.scaling = scaling;
        this.learned = learned;
    }

    /** First values of the two matrices; biases start as zero. */
    public enum Start {
        /** Normal with a deviation of 0.02, so that little is added at first. */
        NORMAL {
            @Override
            Initializer down(int in) {
                return Initializer.normal(0.02);
            }

            @Override
            Initializer up() {
                return Initializer.normal(0.02);
            }
        },
        /** Uniform on ±1/sqrt(columns), and zero on the way up, so that nothing is added at first. */
        ZERO {
            @Override
            Initializer down(int in) {
                return Initializer.uniform(1 / Math.sqrt(in));
            }

            @Override
            Initializer up() {
                return Initializer.constant(0);
            }
        };

        abstract Initializer down(int in);

        abstract Initializer up();
    }

    /**
     * The adapter of a site, with plain matrices.
     *
     * @param claim asks for its parameters
     * @param path of these
     */
    public static Bottleneck dense(Claim claim, String path, AttachPoint site, Settings settings, Start start) {
        int hidden = site.out();
        int middle = settings.middle(hidden);
        Projection down = Projection.dense(claim, path + ".down", hidden, middle, start.down(hidden));
        return of(claim, path, down, Projection.dense(claim, path + ".up", middle, hidden, start.up()), settings);
    }

    static Bottleneck of(Claim claim, String path, Projection down, Projection up, Settings settings) {
        Tensor learned = settings.learnScaling()
                ? claim.of(path + ".scaling", Shape.of(1), Initializer.constant(settings.scaling()))
                : null;
        return new Bottleneck(down, settings.nonLinearity().function(), up, settings.scaling(), learned);
    }

    /** @param a [rows, d] */
    public Tensor apply(Tensor a) {
        Tensor inside = a.linear(down.weight().get(), down.bias()).apply(function);
        // Scaled where it is narrow: s (W h + b) = W (s h) + s b.
        return scaled(inside).linear(up.weight().get(), scaled(up.bias()));
    }

    private Tensor scaled(Tensor t) {
        if (learned != null) {
            return t.mul(learned).to(t.dtype());
        }
        return scaling == 1 ? t : t.mul(scaling);
    }
}
