package org.attune.peft;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.LinearMap;
import org.attune.model.LinearTransform;
import org.attune.model.Model;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/**
 * Weight-decomposed low-rank adaptation (Liu et al. 2024, arXiv 2402.09353): {@code W' = m ⊙ V / |V|} by rows, with
 * {@code V = W + s B A}; the magnitudes m [out] start as the lengths of W's rows, so that training starts from the base model. The
 * lengths of V's rows count as constants for the gradient (section 4.3). A, B, their options and s are LoRA's.
 *
 * <p>The parameters at a linear map {@code PATH} are LoRA's and {@code PATH.lora_magnitude_vector}, as in PEFT.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "dora", description = "low-rank updates of directions, with magnitudes of their own (DoRA)")
public final class Dora implements Adapter<LoraOptions> {
    @Override
    public Class<LoraOptions> options() {
        return LoraOptions.class;
    }

    @Override
    public void attach(LoraOptions options, Attachment on) {
        if (options.init().ofTheWeight()) {
            throw new UserError("dora: init is " + options.init().name().toLowerCase(Locale.ROOT)
                    + ", which only lora has; use default, gaussian or eva");
        }
        new Lora().attach(options, on, (point, update) -> magnitudes(point, update, on));
    }

    private static LinearTransform magnitudes(AttachPoint point, LowRankUpdate update, Attachment on) {
        String path = point.path();
        Tensor base = on.weight(path + ".weight");
        Tensor m = on.parameter(
                path + ".lora_magnitude_vector",
                Shape.of(point.out()),
                (shape, rng) ->
                        Scope.inference(base.engine(), () -> lengths(base).toDoubles()));
        String bias = path + ".bias";
        return new Directions(path + ".weight", on.weights().contains(bias) ? bias : null, update, m);
    }

    /** Of the rows. */
    private static Tensor lengths(Tensor rows) {
        return rows.square().sum(1).sqrt();
    }

    /**
     * @param bias null for a map without one
     * @param m [out]
     */
    private record Directions(String weight, String bias, LowRankUpdate update, Tensor m) implements LinearTransform {
        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            Tensor base = forward.weight(weight);
            Tensor factor = m.div(Scope.withoutGradient(() -> lengths(moved(base))));
            Tensor dropped = forward.dropout(update.place(), x, update.dropout());
            Tensor result = inner.apply(x);
            // What is scaled is without the bias, and where there is dropout, of the input that it left.
            Tensor straight = dropped == x ? result : inner.apply(dropped);
            if (bias != null) {
                straight = straight.sub(forward.weight(bias));
            }
            return result.add(straight.mul(factor.add(-1)))
                    .add(dropped.linear(update.a(), null)
                            .linear(update.b(), null)
                            .mul(factor.mul(update.scale())));
        }

        private Tensor moved(Tensor weight) {
            return weight.addMatmul(update.b(), update.a(), false, update.scale());
        }

        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            return merged(inner, inner);
        }

        /** What other adapters add is scaled, too, but the lengths are those of the model's own rows and the update. */
        @Override
        public Optional<LinearMap> merged(LinearMap inner, LinearMap base) {
            return Optional.of(Scope.withoutGradient(() -> {
                Tensor factor = m.div(lengths(moved(base.weight())));
                Tensor rows = factor.reshape(m.shape().dim(0), 1);
                return new LinearMap(
                        moved(inner.weight()).mul(rows).to(inner.weight().dtype()), bias(inner, base.bias(), factor));
            }));
        }

        private static Tensor bias(LinearMap inner, Tensor own, Tensor factor) {
            if (inner.bias() == own) {
                return own;
            }
            Tensor added = own == null ? inner.bias() : inner.bias().sub(own);
            return inner.bias().add(added.mul(factor.add(-1)));
        }
    }

    @Override
    public Optional<PeftFormat<LoraOptions>> peft() {
        return Optional.of(new Format());
    }

    /** LoRA's, with {@code use_dora}. */
    private static final class Format implements PeftFormat<LoraOptions> {
        private final LoraFormat lora = new LoraFormat("dora");

        @Override
        public String type() {
            return lora.type();
        }

        @Override
        public Map<String, Object> write(LoraOptions options, Model model) {
            return marked(lora.write(options, model));
        }

        @Override
        public Map<String, Object> write(LoraOptions options, Model model, Trained trained) {
            return marked(lora.write(options, model, trained));
        }

        private static Map<String, Object> marked(Map<String, Object> fields) {
            Map<String, Object> config = new LinkedHashMap<>(fields);
            config.put("use_dora", true);
            return config;
        }

        @Override
        public LoraOptions read(Map<String, Object> config) {
            if (!Boolean.TRUE.equals(config.get("use_dora"))) {
                throw new UnsupportedMethod("adapter_config.json has no use_dora, so it is no adapter of dora");
            }
            Map<String, Object> rest = new LinkedHashMap<>(config);
            rest.keySet().removeAll(List.of("use_dora"));
            return lora.read(rest);
        }
    }
}
