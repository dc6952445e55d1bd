package org.attune.peft;

import java.util.ArrayList;
import java.util.List;
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
 * Adaptive low-rank adaptation (Zhang et al. 2023, arXiv 2303.10512): {@code y = W x + b + s B (E ⊙ A) x} with A [rank, in] and B
 * [out, rank] kept near to orthogonal by a penalty, normal with deviation 0.02, and E [rank, 1] zero at first; s is alpha over the
 * rank at the start. While training runs, the least important of all maps' triplets (a row of A, an element of E, a column of B) are
 * pruned, so that ranks move to where they matter: {@link RankAllocation}.
 *
 * <p>The parameters at a linear map {@code PATH} are {@code PATH.lora_A}, {@code PATH.lora_E} and {@code PATH.lora_B}, as in PEFT;
 * so are the files, which hold what is left.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "adalora", description = "low-rank updates whose ranks move to where they matter (AdaLoRA)")
public final class Adalora implements Adapter<AdaloraOptions> {
    @Override
    public Class<AdaloraOptions> options() {
        return AdaloraOptions.class;
    }

    @Override
    public void attach(AdaloraOptions options, Attachment on) {
        Targets where = new Targets("adalora", options.targets(), options.selection());
        List<Triplets> maps = new ArrayList<>();
        for (AttachPoint point : where.linear(on)) {
            if (options.rank(point.path()) > 0) {
                Triplets update = triplets(options, point, on);
                maps.add(update);
                on.linear(point.path(), update);
            }
        }
        where.trainWhole(on);
        if (options.orthogonality() > 0 && !maps.isEmpty()) {
            on.penalty(() -> maps.stream()
                    .map(Triplets::departure)
                    .reduce(Tensor::add)
                    .orElseThrow()
                    .mul(options.orthogonality() / (2 * maps.size())));
        }
        on.eachStep(new RankAllocation(options, maps, on));
    }

    /** Of the rank that a saved adapter has left where there is one: what it was asked for first does not tell. */
    private static Triplets triplets(AdaloraOptions options, AttachPoint point, Attachment on) {
        String path = point.path();
        int left = (int) on.known(path + ".lora_E");
        int rank = left > 0 ? left : options.rank(path);
        Initializer small = Initializer.normal(0.02);
        return new Triplets(
                path,
                on.parameter(path + ".lora_A", Shape.of(rank, point.in()), small),
                on.parameter(path + ".lora_E", Shape.of(rank, 1), Initializer.constant(0)),
                on.parameter(path + ".lora_B", Shape.of(point.out(), rank), small),
                options.scale(),
                options.dropout());
    }

    /**
     * The update at a map.
     *
     * @param a [rank, in]
     * @param e [rank, 1]
     * @param b [out, rank]
     */
    record Triplets(String path, Tensor a, Tensor e, Tensor b, double scale, double dropout)
            implements LinearTransform {
        int rank() {
            return e.shape().dim(0);
        }

        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            Tensor down = forward.dropout(path + ".lora_dropout", x, dropout).linear(a.mul(e), null);
            return inner.apply(x).addMatmulInPlace(down, b, true, scale);
        }

        /** {@code |A A' - 1| + |B' B - 1|}, Frobenius norms: a scalar. */
        Tensor departure() {
            double[] ones = new double[rank() * rank()];
            for (int i = 0; i < rank(); i++) {
                ones[i * rank() + i] = 1;
            }
            Tensor identity = Tensor.of(a.engine(), Shape.of(rank(), rank()), ones);
            return length(a.matmul(a, false, true).sub(identity))
                    .add(length(b.matmul(b, true, false).sub(identity)));
        }

        private static Tensor length(Tensor t) {
            return t.square().sum().sqrt();
        }

        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            return Optional.of(Scope.withoutGradient(
                    () -> new LinearMap(inner.weight().addMatmul(b, a.mul(e), false, scale), inner.bias())));
        }
    }

    @Override
    public Optional<PeftFormat<AdaloraOptions>> peft() {
        return Optional.of(new AdaloraFormat());
    }
}
