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
 * Granular low-rank adaptation (Jung et al. 2025, arXiv 2505.20355): the update is cut into k × k blocks, each of rank r / k with
 * factors of its own, so that as many parameters as LoRA of rank r has reach a rank of k r. A hybrid has an ordinary low-rank update
 * beside the blocks. The scale of both is {@code alpha / (r + hybrid rank)}. A's start uniform on ±sqrt(k / in), B's as zero.
 *
 * <p>The parameters at a linear map {@code PATH}, as in PEFT: {@code PATH.gralora_A} [k, in / k, r], by block of the input, whose
 * columns are k groups by block of the output; {@code .gralora_B} [k, r, out / k], by block of the output, whose rows are k groups
 * by block of the input; {@code .gralora_A_general.weight} [hybrid, in] and {@code .gralora_B_general.weight} [out, hybrid].
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "gralora", description = "low-rank updates of the blocks of linear maps (GraLoRA, hybrid too)")
public final class Gralora implements Adapter<GraloraOptions> {
    @Override
    public Class<GraloraOptions> options() {
        return GraloraOptions.class;
    }

    @Override
    public void attach(GraloraOptions options, Attachment on) {
        Targets where = new Targets("gralora", options.targets(), options.selection());
        for (AttachPoint point : where.linear(on)) {
            on.linear(point.path(), update(options, point, on));
        }
        where.trainWhole(on);
    }

    private static LinearTransform update(GraloraOptions options, AttachPoint point, Attachment on) {
        String path = point.path();
        int k = options.blocks();
        int rank = options.rank();
        int hybrid = options.hybridRank();
        if (point.in() % k != 0 || point.out() % k != 0) {
            throw new UserError("gralora: blocks is " + k + ", which does not divide " + path + " [" + point.out()
                    + ", " + point.in() + "]");
        }
        double scale = options.alpha() / (rank + hybrid);
        String place = path + ".gralora_dropout";
        LinearTransform blocks = new Blocks(
                place,
                on.parameter(
                        path + ".gralora_A",
                        Shape.of(k, point.in() / k, rank),
                        Initializer.uniform(Math.sqrt(k / (double) point.in()))),
                on.parameter(path + ".gralora_B", Shape.of(k, rank, point.out() / k), Initializer.constant(0)),
                scale,
                options.dropout());
        if (hybrid == 0) {
            return blocks;
        }
        on.linear(
                path,
                new LowRankUpdate(
                        place,
                        on.parameter(
                                path + ".gralora_A_general.weight",
                                Shape.of(hybrid, point.in()),
                                Initializer.uniform(1 / Math.sqrt(point.in()))),
                        on.parameter(
                                path + ".gralora_B_general.weight",
                                Shape.of(point.out(), hybrid),
                                Initializer.constant(0)),
                        scale,
                        options.dropout()));
        return blocks;
    }

    /**
     * @param a [k, in / k, r]
     * @param b [k, r, out / k]
     */
    private record Blocks(String place, Tensor a, Tensor b, double scale, double dropout) implements LinearTransform {
        /** The update of some rows [rows, in]: [rows, out]. */
        private Tensor of(Tensor x) {
            int rows = x.shape().dim(0);
            int k = a.shape().dim(0);
            int rank = a.shape().dim(2);
            Tensor down = x.reshape(rows, k, a.shape().dim(1)).permute(1, 0, 2).matmul(a);
            Tensor byOutput =
                    down.reshape(k, rows, k, rank / k).permute(2, 1, 0, 3).reshape(k, rows, rank);
            return byOutput.matmul(b)
                    .permute(1, 0, 2)
                    .reshape(rows, k * b.shape().dim(2));
        }

        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            return inner.apply(x).add(of(forward.dropout(place, x, dropout)).mul(scale));
        }

        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            return Optional.of(Scope.withoutGradient(() -> {
                int in = inner.weight().shape().dim(1);
                double[] identity = new double[in * in];
                for (int i = 0; i < in; i++) {
                    identity[i * (in + 1)] = 1;
                }
                Tensor update = of(Tensor.of(inner.weight().engine(), Shape.of(in, in), identity))
                        .transpose();
                return new LinearMap(
                        inner.weight().add(update.mul(scale).to(inner.weight().dtype())), inner.bias());
            }));
        }
    }

    @Override
    public Optional<PeftFormat<GraloraOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<GraloraOptions> {
        @Override
        public String type() {
            return "GRALORA";
        }

        @Override
        public Map<String, Object> write(GraloraOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>();
            config.put("r", options.rank());
            config.put("alpha", PeftConfig.written(options.alpha()));
            config.put("gralora_k", options.blocks());
            config.put("hybrid_r", options.hybridRank());
            config.put("gralora_dropout", options.dropout());
            PeftConfig.write(config, options.targets(), options.selection(), model);
            config.remove("exclude_modules"); // which PEFT has not
            config.put("bias", "none");
            config.put("fan_in_fan_out", model.weights().keySet().stream().anyMatch(model::transposedInFiles));
            config.put("init_weights", true);
            return config;
        }

        @Override
        public GraloraOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig("gralora", fields);
            config.refuseAllBut(
                    Set.of("r", "alpha", "gralora_k", "hybrid_r", "gralora_dropout", "bias", "init_weights"));
            config.refuseBias();
            int rank = config.whole("r", 32, 1);
            int blocks = config.whole("gralora_k", 2, 1);
            if (rank % blocks != 0) {
                throw config.unsupported("r=" + rank + " with gralora_k=" + blocks);
            }
            return new GraloraOptions(
                    rank,
                    config.number("alpha", 64),
                    blocks,
                    config.whole("hybrid_r", 0, 0),
                    config.number("gralora_dropout", 0),
                    config.targets(),
                    config.selection());
        }
    }
}
