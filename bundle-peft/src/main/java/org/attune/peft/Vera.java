package org.attune.peft;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.LinearMap;
import org.attune.model.LinearTransform;
import org.attune.model.Model;
import org.attune.plugin.AttunePlugin;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/**
 * Vector-based random matrix adaptation (Kopiczko et al. 2023, arXiv 2310.11454): {@code y = W x + b + l_b ⊙ (B (l_d ⊙ (A x)))} with
 * one pair of random matrices A and B for all maps, of which each takes the columns or rows that it needs, and vectors l_d [r] and
 * l_b [out] of its own, which alone are trained. l_b starts as zero; A and B are uniform on ±sqrt(6 / columns) and are saved, as a seed
 * would give others elsewhere.
 *
 * <p>The parameters at a linear map {@code PATH} are {@code PATH.vera_lambda_b} and {@code PATH.vera_lambda_d}, the matrices
 * {@code base_model.vera_A} [r, widest input] and {@code base_model.vera_B} [widest output, r], as in PEFT.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "vera", description = "trained vectors around shared random matrices (VeRA)")
public final class Vera implements Adapter<VeraOptions> {
    @Override
    public Class<VeraOptions> options() {
        return VeraOptions.class;
    }

    @Override
    public void attach(VeraOptions options, Attachment on) {
        Targets where = new Targets("vera", options.targets(), options.selection());
        List<AttachPoint> points = where.linear(on);
        int rank = options.rank();
        int in = points.stream().mapToInt(AttachPoint::in).max().orElseThrow();
        int out = points.stream().mapToInt(AttachPoint::out).max().orElseThrow();
        Tensor a = on.frozen("base_model.vera_A", Shape.of(rank, in), Initializer.uniform(Math.sqrt(6.0 / in)));
        Tensor b = on.frozen("base_model.vera_B", Shape.of(out, rank), Initializer.uniform(Math.sqrt(6.0 / rank)));
        for (AttachPoint point : points) {
            String path = point.path();
            on.linear(
                    path,
                    new Vectors(
                            path + ".vera_dropout",
                            a,
                            b,
                            on.parameter(
                                    path + ".vera_lambda_d", Shape.of(rank), Initializer.constant(options.initial())),
                            on.parameter(path + ".vera_lambda_b", Shape.of(point.out()), Initializer.constant(0)),
                            options.dropout()));
        }
        where.trainWhole(on);
    }

    /**
     * @param a [r, at least in]
     * @param b [at least out, r]
     * @param d [r]
     * @param scales [out]
     */
    private record Vectors(String place, Tensor a, Tensor b, Tensor d, Tensor scales, double dropout)
            implements LinearTransform {
        private Tensor down(int in) {
            return a.shape().dim(1) == in ? a : a.slice(1, 0, in);
        }

        private Tensor up() {
            int out = scales.shape().dim(0);
            return b.shape().dim(0) == out ? b : b.slice(0, 0, out);
        }

        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            Tensor inside = forward.dropout(place, x, dropout)
                    .linear(down(x.shape().dim(1)), null)
                    .mul(d);
            return inner.apply(x).add(inside.linear(up(), null).mul(scales));
        }

        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            return Optional.of(Scope.withoutGradient(() -> {
                Tensor rows = down(inner.weight().shape().dim(1))
                        .mul(d.reshape(d.shape().dim(0), 1));
                Tensor update =
                        up().matmul(rows).mul(scales.reshape(scales.shape().dim(0), 1));
                return new LinearMap(inner.weight().add(update.to(inner.weight().dtype())), inner.bias());
            }));
        }
    }

    @Override
    public Optional<PeftFormat<VeraOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<VeraOptions> {
        @Override
        public String type() {
            return "VERA";
        }

        @Override
        public Map<String, Object> write(VeraOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>();
            config.put("r", options.rank());
            config.put("d_initial", options.initial());
            config.put("vera_dropout", options.dropout());
            PeftConfig.write(config, options.targets(), options.selection(), model);
            config.remove("exclude_modules"); // which PEFT has not
            config.put("bias", "none");
            config.put("fan_in_fan_out", model.weights().keySet().stream().anyMatch(model::transposedInFiles));
            config.put("init_weights", true);
            config.put("projection_prng_key", 0);
            config.put("save_projection", true);
            return config;
        }

        @Override
        public VeraOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig("vera", fields);
            config.refuseAllBut(Set.of(
                    "r",
                    "d_initial",
                    "vera_dropout",
                    "bias",
                    "init_weights",
                    "projection_prng_key",
                    "save_projection"));
            config.refuseBias();
            if (!config.is("save_projection")) { // PyTorch's random numbers would be needed
                throw config.unsupported("save_projection=" + config.value("save_projection"));
            }
            return new VeraOptions(
                    config.whole("r", 256, 1),
                    config.number("d_initial", 0.1),
                    config.number("vera_dropout", 0),
                    config.targets(),
                    config.selection());
        }
    }
}
