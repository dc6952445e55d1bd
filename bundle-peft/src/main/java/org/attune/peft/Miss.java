package org.attune.peft;

import java.util.Collections;
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
 * Matrix shard sharing (Kang and Yin 2024, arXiv 2409.15371): {@code y = W x + b + D^T sum(x)} where the input is cut into pieces of r
 * numbers, the last one filled up with zeros, and the pieces are added up; one block D [r, out], zero at the start, serves all of them.
 *
 * <p>The parameter at a linear map {@code PATH} is {@code PATH.miss_block}, as in PEFT.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "miss", description = "one shared block for all pieces of the input (MiSS)")
public final class Miss implements Adapter<MissOptions> {
    @Override
    public Class<MissOptions> options() {
        return MissOptions.class;
    }

    @Override
    public void attach(MissOptions options, Attachment on) {
        Targets where = new Targets("miss", options.targets(), options.selection());
        for (AttachPoint point : where.linear(on)) {
            Tensor block = on.parameter(
                    point.path() + ".miss_block", Shape.of(options.rank(), point.out()), Initializer.constant(0));
            on.linear(point.path(), new Shared(point.path() + ".miss_dropout", block, options.dropout()));
        }
        where.trainWhole(on);
    }

    /** @param block [r, out] */
    private record Shared(String place, Tensor block, double dropout) implements LinearTransform {
        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            int rank = block.shape().dim(0);
            Tensor pieces = forward.dropout(place, x, dropout);
            int tokens = x.shape().dim(0);
            int missing = Math.floorMod(-x.shape().dim(1), rank);
            if (missing > 0) {
                pieces = Tensor.concat(
                        1, List.of(pieces, Tensor.zeros(x.engine(), Shape.of(tokens, missing), x.dtype())));
            }
            Tensor sum =
                    pieces.reshape(tokens, pieces.shape().dim(1) / rank, rank).sum(1);
            return inner.apply(x).addMatmulInPlace(sum, block, false, 1);
        }

        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            return Optional.of(Scope.withoutGradient(() -> {
                int rank = block.shape().dim(0);
                int in = inner.weight().shape().dim(1);
                Tensor turned = block.transpose();
                Tensor tiles = Tensor.concat(1, Collections.nCopies((in + rank - 1) / rank, turned));
                return new LinearMap(
                        inner.weight()
                                .add(tiles.slice(1, 0, in).to(inner.weight().dtype())),
                        inner.bias());
            }));
        }
    }

    @Override
    public Optional<PeftFormat<MissOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<MissOptions> {
        @Override
        public String type() {
            return "MISS";
        }

        @Override
        public Map<String, Object> write(MissOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>();
            config.put("r", options.rank());
            config.put("miss_dropout", options.dropout());
            PeftConfig.write(config, options.targets(), options.selection(), model);
            config.put("bias", "none");
            config.put("mini_r", 1);
            config.put("init_weights", true);
            return config;
        }

        @Override
        public MissOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig("miss", fields);
            config.refuseAllBut(Set.of("r", "miss_dropout", "init_weights", "bias", "mini_r"));
            config.refuseBias();
            Object start = config.value("init_weights");
            if (!(start instanceof Boolean)) { // "bat" and "mini" are other methods
                throw config.unsupported("init_weights=" + start);
            }
            return new MissOptions(
                    config.whole("r", 64, 1), config.number("miss_dropout", 0), config.targets(), config.selection());
        }
    }
}
