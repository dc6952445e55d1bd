package org.attune.peft;

import java.util.LinkedHashMap;
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
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/**
 * Orthogonal fine-tuning (Qiu et al. 2023, arXiv 2306.07280), in the form that turns inputs (Qiu et al. 2025, arXiv 2506.19847):
 * {@code y = W R^T x + b} with R of rotations [n, n] along the diagonal, each {@code (I - Q)(I + Q)^-1} of a skew-symmetric Q that
 * starts as zero, so that training starts from the base model exactly. Lengths and angles between rows of W stay as they are.
 *
 * <p>The parameter at a linear map {@code PATH} is {@code PATH.oft_R.weight} [in / n, n (n - 1) / 2], what stands above the diagonals
 * of the Qs; one row where all blocks are alike. As in PEFT, whose code is the source of the order of the factors.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "oft", description = "rotations of blocks of the inputs of linear maps (OFT)")
public final class Oft implements Adapter<OftOptions> {
    @Override
    public Class<OftOptions> options() {
        return OftOptions.class;
    }

    @Override
    public void attach(OftOptions options, Attachment on) {
        Targets where = new Targets("oft", options.targets(), options.selection());
        int n = options.blockSize();
        for (AttachPoint point : where.linear(on)) {
            if (point.in() % n != 0) {
                throw new UserError("oft: block_size is " + n + ", which does not divide the " + point.in()
                        + " inputs of " + point.path());
            }
            Shape shape = Shape.of(options.share() ? 1 : point.in() / n, n * (n - 1) / 2);
            Tensor free = on.parameter(point.path() + ".oft_R.weight", shape, Initializer.constant(0));
            on.linear(point.path(), new Turned(free, n, options.terms()));
        }
        where.trainWhole(on);
    }

    /**
     * @param free [blocks, n (n - 1) / 2]
     * @param terms as {@link Rotations#of} takes them
     */
    private record Turned(Tensor free, int n, int terms) implements LinearTransform {
        /** Each row of x, block by block times its rotation. */
        private Tensor turned(Tensor x) {
            int rows = x.shape().dim(0);
            int blocks = x.shape().dim(1) / n;
            Tensor rotations = Rotations.of(free, n, terms).to(x.dtype());
            if (free.shape().dim(0) == 1) {
                return x.reshape(rows * blocks, n)
                        .matmul(rotations.reshape(n, n))
                        .reshape(rows, blocks * n);
            }
            return x.reshape(rows, blocks, n)
                    .permute(1, 0, 2)
                    .matmul(rotations)
                    .permute(1, 0, 2)
                    .reshape(rows, blocks * n);
        }

        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            return inner.apply(turned(x));
        }

        /** A row of W meets the turned input as the row turned back meets the input. */
        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            return Optional.of(Scope.withoutGradient(() -> {
                Turned back = new Turned(free.neg(), n, terms);
                return new LinearMap(back.turned(inner.weight()), inner.bias());
            }));
        }
    }

    @Override
    public Optional<PeftFormat<OftOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<OftOptions> {
        @Override
        public String type() {
            return "OFT";
        }

        @Override
        public Map<String, Object> write(OftOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>();
            config.put("r", 0);
            config.put("oft_block_size", options.blockSize());
            config.put("block_share", options.share());
            config.put("use_cayley_neumann", options.terms() > 0);
            config.put("num_cayley_neumann_terms", options.terms() > 0 ? options.terms() : 5);
            PeftConfig.write(config, options.targets(), options.selection(), model);
            config.put("bias", "none");
            config.put("coft", false);
            config.put("module_dropout", 0.0);
            config.put("fan_in_fan_out", model.weights().keySet().stream().anyMatch(model::transposedInFiles));
            config.put("init_weights", true);
            return config;
        }

        @Override
        public OftOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig("oft", fields);
            config.refuseAllBut(Set.of(
                    "r",
                    "oft_block_size",
                    "block_share",
                    "use_cayley_neumann",
                    "num_cayley_neumann_terms",
                    "bias",
                    "module_dropout",
                    "eps", // of the constrained form, which coft switches on
                    "init_weights"));
            config.refuseBias();
            config.refuseDropouts("module_dropout");
            if (config.whole("r", 0, 0) != 0) { // then the width of blocks differs from map to map
                throw config.unsupported("r=" + config.value("r"));
            }
            boolean series = !Boolean.FALSE.equals(fields.getOrDefault("use_cayley_neumann", true));
            return new OftOptions(
                    config.whole("oft_block_size", 32, 2),
                    config.is("block_share"),
                    series ? config.whole("num_cayley_neumann_terms", 5, 1) : 0,
                    config.targets(),
                    config.selection());
        }
    }
}
