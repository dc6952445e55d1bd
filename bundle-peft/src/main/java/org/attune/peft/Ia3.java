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
 * (IA)³ (Liu et al. 2022, arXiv 2205.05638): the outputs of chosen linear maps, bias included, or the inputs of those named as
 * feed-forward, are multiplied element by element by a learned vector l that starts as ones.
 *
 * <p>The parameter at a linear map {@code PATH} is {@code PATH.ia3_l}, [out, 1] or [1, in], as in PEFT.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "ia3", description = "learned factors on outputs or inputs of linear maps ((IA)³)")
public final class Ia3 implements Adapter<Ia3Options> {
    @Override
    public Class<Ia3Options> options() {
        return Ia3Options.class;
    }

    @Override
    public void attach(Ia3Options options, Attachment on) {
        Targets where = new Targets("ia3", options.targets(), options.selection());
        List<String> feedforward = on.linearNames().resolve(options.feedforward());
        for (AttachPoint point : where.linear(on)) {
            boolean input = Targets.named("ia3", feedforward, point.path());
            Shape shape = input ? Shape.of(1, point.in()) : Shape.of(point.out(), 1);
            Tensor l = on.parameter(point.path() + ".ia3_l", shape, Initializer.constant(1));
            on.linear(point.path(), input ? new Inputs(l) : new Outputs(l));
        }
        where.trainWhole(on);
    }

    /** @param l [1, in] */
    private record Inputs(Tensor l) implements LinearTransform {
        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            return inner.apply(x.mul(l));
        }

        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            return Optional.of(
                    Scope.withoutGradient(() -> new LinearMap(inner.weight().mul(l), inner.bias())));
        }
    }

    /** @param l [out, 1] */
    private record Outputs(Tensor l) implements LinearTransform {
        private Tensor factors() {
            return l.reshape(l.shape().dim(0));
        }

        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            return inner.apply(x).mul(factors());
        }

        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            return Optional.of(Scope.withoutGradient(() -> new LinearMap(
                    inner.weight().mul(l),
                    inner.bias() == null ? null : inner.bias().mul(factors()))));
        }
    }

    @Override
    public Optional<PeftFormat<Ia3Options>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<Ia3Options> {
        @Override
        public String type() {
            return "IA3";
        }

        @Override
        public Map<String, Object> write(Ia3Options options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>();
            PeftConfig.write(config, options.targets(), options.selection(), model);
            config.keySet().removeAll(List.of("layers_to_transform", "layers_pattern")); // which PEFT has not
            config.put(
                    "feedforward_modules",
                    PeftConfig.written(model.linearNames().resolve(options.feedforward())));
            config.put("fan_in_fan_out", model.weights().keySet().stream().anyMatch(model::transposedInFiles));
            config.put("init_ia3_weights", true);
            return config;
        }

        @Override
        public Ia3Options read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig("ia3", fields);
            config.refuseAllBut(Set.of("feedforward_modules", "init_ia3_weights"));
            return new Ia3Options(config.targets(), config.names("feedforward_modules"), config.selection());
        }
    }
}
