package org.attune.peft;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.plugin.AttunePlugin;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/**
 * Low-rank Hadamard products (Hyeon-Woo et al. 2021, arXiv 2108.06098; LyCORIS, arXiv 2309.14859):
 * {@code W' = W + alpha / r (A1 B1) ⊙ (A2 B2)}, whose rank can reach r². A's and B1 start as PyTorch's linear layers do, B2 as zero.
 *
 * <p>The parameters at a linear map {@code PATH} are {@code PATH.hada_w1_a} [out, r], {@code .hada_w1_b} [r, in] and
 * {@code .hada_w2_a}, {@code .hada_w2_b} likewise, as in PEFT.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "loha", description = "the element-wise product of two low-rank updates (LoHa)")
public final class Loha implements Adapter<LohaOptions> {
    @Override
    public Class<LohaOptions> options() {
        return LohaOptions.class;
    }

    @Override
    public void attach(LohaOptions options, Attachment on) {
        Targets where = new Targets("loha", options.targets(), options.selection());
        int rank = options.rank();
        for (AttachPoint point : where.linear(on)) {
            String path = point.path();
            Shape tall = Shape.of(point.out(), rank);
            Shape wide = Shape.of(rank, point.in());
            Initializer ofTall = Initializer.uniform(1 / Math.sqrt(rank));
            Tensor a1 = on.parameter(path + ".hada_w1_a", tall, ofTall);
            Tensor b1 = on.parameter(path + ".hada_w1_b", wide, Initializer.uniform(1 / Math.sqrt(point.in())));
            Tensor a2 = on.parameter(path + ".hada_w2_a", tall, ofTall);
            Tensor b2 = on.parameter(path + ".hada_w2_b", wide, Initializer.constant(0));
            on.linear(path, new WeightUpdate(() -> a1.matmul(b1).mul(a2.matmul(b2)), options.alpha() / rank));
        }
        where.trainWhole(on);
    }

    @Override
    public Optional<PeftFormat<LohaOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<LohaOptions> {
        @Override
        public String type() {
            return "LOHA";
        }

        @Override
        public Map<String, Object> write(LohaOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>();
            config.put("r", options.rank());
            config.put("alpha", PeftConfig.written(options.alpha()));
            PeftConfig.write(config, options.targets(), options.selection(), model);
            config.put("init_weights", true);
            return config;
        }

        @Override
        public LohaOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig("loha", fields);
            config.refuseAllBut(Set.of("r", "alpha", "init_weights", "rank_dropout", "module_dropout"));
            config.refuseDropouts("rank_dropout", "module_dropout");
            return new LohaOptions(
                    config.whole("r", 8, 1), config.number("alpha", 8), config.targets(), config.selection());
        }
    }
}
