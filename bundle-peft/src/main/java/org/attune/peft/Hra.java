package org.attune.peft;

import java.util.ArrayList;
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
 * Householder reflection adaptation (Yuan et al. 2024, arXiv 2405.17484): {@code W' = W H_1 ... H_r} with
 * {@code H_i = I - 2 u_i u_i^T / |u_i|²}. Vectors start in equal pairs, whose reflections undo each other, so that training starts
 * from the base model where r is even; PEFT's code is the source of the order and of that start.
 *
 * <p>The parameter at a linear map {@code PATH} is {@code PATH.hra_u} [in, r], as in PEFT.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "hra", description = "reflections of the inputs of linear maps (HRA)")
public final class Hra implements Adapter<HraOptions> {
    @Override
    public Class<HraOptions> options() {
        return HraOptions.class;
    }

    @Override
    public void attach(HraOptions options, Attachment on) {
        Targets where = new Targets("hra", options.targets(), options.selection());
        for (AttachPoint point : where.linear(on)) {
            Tensor u = on.parameter(
                    point.path() + ".hra_u", Shape.of(point.in(), options.rank()), inPairs(1 / Math.sqrt(point.in())));
            on.linear(point.path(), new Reflections(u));
        }
        where.trainWhole(on);
    }

    /** Columns 2 i and 2 i + 1 are equal; a last one without a partner is 0 in no reflection's way. */
    private static Initializer inPairs(double bound) {
        return (shape, rng) -> {
            double[] values = Initializer.uniform(bound).values(shape, rng);
            int rank = shape.dim(1);
            for (int i = 0; i < values.length; i++) {
                if (i % rank % 2 == 1) {
                    values[i] = values[i - 1];
                }
            }
            return values;
        };
    }

    /** @param u [in, r] */
    private record Reflections(Tensor u) implements LinearTransform {
        /** The rows of x, each reflected by the vectors in an order. */
        private Tensor reflected(Tensor x, boolean lastFirst) {
            int rank = u.shape().dim(1);
            List<Integer> order = new ArrayList<>();
            for (int i = 0; i < rank; i++) {
                order.add(lastFirst ? rank - 1 - i : i);
            }
            Tensor rows = u.transpose(); // [r, in]
            Tensor units = rows.div(rows.square().sum(1).sqrt().reshape(rank, 1));
            Tensor out = x;
            for (int i : order) {
                Tensor unit = units.slice(0, i, i + 1);
                out = out.addMatmul(out.linear(unit, null), unit, false, -2);
            }
            return out;
        }

        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            return inner.apply(reflected(x, true));
        }

        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            return Optional.of(
                    Scope.withoutGradient(() -> new LinearMap(reflected(inner.weight(), false), inner.bias())));
        }
    }

    @Override
    public Optional<PeftFormat<HraOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<HraOptions> {
        @Override
        public String type() {
            return "HRA";
        }

        @Override
        public Map<String, Object> write(HraOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>();
            config.put("r", options.rank());
            PeftConfig.write(config, options.targets(), options.selection(), model);
            config.put("apply_GS", false);
            config.put("bias", "none");
            config.put("init_weights", true);
            return config;
        }

        @Override
        public HraOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig("hra", fields);
            config.refuseAllBut(Set.of("r", "init_weights", "bias"));
            config.refuseBias();
            return new HraOptions(config.whole("r", 8, 1), config.targets(), config.selection());
        }
    }
}
