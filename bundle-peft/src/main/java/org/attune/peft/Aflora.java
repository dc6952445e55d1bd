package org.attune.peft;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.LinearMap;
import org.attune.model.LinearTransform;
import org.attune.plugin.AttunePlugin;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/**
 * Adaptive freezing of low-rank adaptation (Liu et al. 2024, arXiv 2403.13269), as its authors' code does it: {@code y = W x + b + s
 * l_b ⊙ (B (l_d ⊙ (A x)))} with A [rank, in] and B [out, rank] uniform on ±sqrt(6 / columns), l_d 0.1 and l_b 0 at first. The vectors
 * are trained to the end; the matrices are frozen one by one while training runs ({@link AdaptiveFreezing}), those of square maps from
 * the start unless the options say otherwise.
 *
 * <p>The parameters at a linear map {@code PATH} are {@code PATH.aflora_A}, {@code .aflora_B}, {@code .aflora_lambda_d} and {@code
 * .aflora_lambda_b}. PEFT lacks the method; its files have our own {@code peft_type}, AFLORA.
 */
@Component(service = Adapter.class)
@AttunePlugin(
        name = "aflora",
        description = "low-rank updates with trained vectors, whose matrices freeze one by one (AFLoRA)")
public final class Aflora implements Adapter<AfloraOptions> {
    @Override
    public Class<AfloraOptions> options() {
        return AfloraOptions.class;
    }

    @Override
    public void attach(AfloraOptions options, Attachment on) {
        Targets where = new Targets("aflora", options.targets(), options.selection());
        Map<String, Tensor> open = new LinkedHashMap<>();
        for (AttachPoint point : where.linear(on)) {
            String path = point.path();
            Shape down = Shape.of(options.rank(), point.in());
            Shape up = Shape.of(point.out(), options.rank());
            Tensor a;
            Tensor b;
            if (isFixed(options, point)) {
                a = on.frozen(path + ".aflora_A", down, uniform(down));
                b = on.frozen(path + ".aflora_B", up, uniform(up));
            } else {
                a = on.parameter(path + ".aflora_A", down, uniform(down));
                b = on.parameter(path + ".aflora_B", up, uniform(up));
                open.put(path + ".aflora_A", a);
                open.put(path + ".aflora_B", b);
            }
            on.linear(
                    path,
                    new Vectors(
                            path + ".aflora_dropout",
                            a,
                            b,
                            on.parameter(
                                    path + ".aflora_lambda_d", Shape.of(options.rank()), Initializer.constant(0.1)),
                            on.parameter(path + ".aflora_lambda_b", Shape.of(point.out()), Initializer.constant(0)),
                            options.scaling(),
                            options.dropout()));
        }
        where.trainWhole(on);
        on.eachStep(new AdaptiveFreezing(options, open, on));
    }

    /** Whether A and B of a map are never trained. */
    static boolean isFixed(AfloraOptions options, AttachPoint point) {
        return point.in() == point.out() && !options.squareTrainable();
    }

    /** Kaiming's for a gain of sqrt 2. */
    private static Initializer uniform(Shape shape) {
        return Initializer.uniform(Math.sqrt(6.0 / shape.dim(1)));
    }

    /**
     * @param a [rank, in]
     * @param b [out, rank]
     * @param d [rank]
     * @param scales [out]
     */
    private record Vectors(String place, Tensor a, Tensor b, Tensor d, Tensor scales, double scaling, double dropout)
            implements LinearTransform {
        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            Tensor inside =
                    forward.dropout(place, x, dropout).linear(a, null).mul(d).linear(b, null);
            return inner.apply(x).add(inside.mul(scaling == 1 ? scales : scales.mul(scaling)));
        }

        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            return Optional.of(Scope.withoutGradient(() -> {
                Tensor rows = a.mul(d.reshape(d.shape().dim(0), 1));
                Tensor update = b.matmul(rows)
                        .mul(scales.mul(scaling).reshape(scales.shape().dim(0), 1));
                return new LinearMap(inner.weight().add(update.to(inner.weight().dtype())), inner.bias());
            }));
        }
    }

    @Override
    public Optional<PeftFormat<AfloraOptions>> peft() {
        return Optional.of(new AfloraFormat());
    }
}
