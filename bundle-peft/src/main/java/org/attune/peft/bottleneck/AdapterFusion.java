package org.attune.peft.bottleneck;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.model.AttachPoint;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/**
 * AdapterFusion (Pfeiffer et al. 2020, arXiv 2005.00247): {@link Pfeiffer} adapters that were trained before, each for itself, stay as
 * they are, and attention over what they give is trained, for each token and layer by itself:
 *
 * <pre>{@code
 * a = LN(x + z)    q = W_q a + b_q    k_n = W_k u_n(a) + b_k    v_n = W_v u_n(a)
 * out = LN(x + z + sum over n of p_n v_n)    p = softmax over n of q k_n
 * }</pre>
 *
 * <p>W_v starts as the identity, to within 1e-6, and the loss grows by its squared distance from that. The parameters at a site are those
 * of the adapters, {@code SITE.adapter.NAME.down.weight} and so on, and {@code SITE.fusion.query.weight} [d, d], {@code .query.bias},
 * {@code .key.weight}, {@code .key.bias} and {@code .value.weight}.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "adapter-fusion", description = "attention over several trained adapters (AdapterFusion)")
public final class AdapterFusion implements Adapter<AdapterFusionOptions> {
    private static final double OFF_DIAGONAL = 1e-6;

    @Override
    public Class<AdapterFusionOptions> options() {
        return AdapterFusionOptions.class;
    }

    @Override
    public void attach(AdapterFusionOptions options, Attachment on) {
        Map<String, Settings> adapters = options.adapters();
        if (adapters.isEmpty()) {
            throw new UserError("no trained adapters are named; give their folders, as in"
                    + " from: {first: runs/A/adapter, second: runs/B/adapter}");
        }
        List<Tensor> values = new ArrayList<>();
        for (AttachPoint site : Placement.PFEIFFER.sites(on.points(), options.layers())) {
            List<Bottleneck> trained = new ArrayList<>();
            adapters.forEach((name, settings) -> trained.add(Bottleneck.dense(
                    (parameter, shape, first) -> on.frozen(parameter, shape, none(parameter)),
                    site.path() + ".adapter." + name,
                    site,
                    settings,
                    Bottleneck.Start.NORMAL)));
            Fusion fusion = Fusion.of(on, site, trained);
            on.residual(site.path(), (forward, at) -> fusion.apply(at.normed()));
            values.add(fusion.value());
        }
        if (options.regularization() > 0) {
            on.penalty(() -> distance(values).mul(options.regularization()));
        }
    }

    /** Asked for where no saved adapter has the parameter. */
    private static Initializer none(String parameter) {
        return (shape, rng) -> {
            throw new UserError("no saved adapter gives '" + parameter + "' a value");
        };
    }

    /** The sum of the squared distances of square matrices from the identity, a scalar. */
    private static Tensor distance(List<Tensor> matrices) {
        Tensor first = matrices.get(0);
        Tensor identity = identity(first.engine(), first.shape().dim(0));
        return matrices.stream()
                .map(m -> m.sub(identity).square().sum())
                .reduce(Tensor::add)
                .orElseThrow();
    }

    private static Tensor identity(TensorEngine engine, int n) {
        float[] values = new float[n * n];
        for (int i = 0; i < n; i++) {
            values[i * n + i] = 1;
        }
        return Tensor.of(engine, Shape.of(n, n), values);
    }

    /**
     * The attention of one site.
     *
     * @param key and query and value [d, d]
     */
    private record Fusion(Tensor query, Tensor queryBias, Tensor key, Tensor value, List<Bottleneck> adapters) {
        static Fusion of(Attachment on, AttachPoint site, List<Bottleneck> adapters) {
            String path = site.path() + ".fusion";
            int hidden = site.out();
            Shape square = Shape.of(hidden, hidden);
            Initializer normal = Initializer.normal(0.02);
            Tensor query = on.parameter(path + ".query.weight", square, normal);
            Tensor queryBias = on.parameter(path + ".query.bias", Shape.of(hidden), Initializer.constant(0));
            Tensor key = on.parameter(path + ".key.weight", square, normal);
            on.parameter(path + ".key.bias", Shape.of(hidden), Initializer.constant(0)); // see apply
            Tensor value = on.parameter(path + ".value.weight", square, Fusion::nearIdentity);
            return new Fusion(query, queryBias, key, value, adapters);
        }

        private static double[] nearIdentity(Shape shape, Rng rng) {
            int n = shape.dim(0);
            double[] values = new double[n * n];
            for (int i = 0; i < values.length; i++) {
                values[i] = i % (n + 1) == 0 ? 1 : OFF_DIAGONAL;
            }
            return values;
        }

        /**
         * Products with keys and values are made once, not for each adapter: {@code q (W_k u) = (q W_k) u} and
         * {@code sum p_n (W_v u_n) = W_v (sum p_n u_n)}. The bias of keys adds the same to all scores of a token, which a softmax does
         * not see.
         *
         * @param a [rows, d]
         */
        Tensor apply(Tensor a) {
            int rows = a.shape().dim(0);
            List<Tensor> given =
                    adapters.stream().map(adapter -> adapter.apply(a)).toList();
            Tensor turned = a.linear(query, queryBias).matmul(key).to(a.engine().dtype());
            Tensor weights = Tensor.concat(
                            1,
                            given.stream()
                                    .map(u -> turned.mul(u).sum(1).reshape(rows, 1))
                                    .toList())
                    .softmax();
            Tensor mixed = null;
            for (int n = 0; n < given.size(); n++) {
                Tensor part = weights.slice(1, n, n + 1).mul(given.get(n));
                mixed = mixed == null ? part : mixed.add(part);
            }
            return mixed.linear(value, null);
        }
    }

    @Override
    public Optional<PeftFormat<AdapterFusionOptions>> peft() {
        return Optional.of(new AdapterFusionFormat());
    }

    @Override
    public Optional<Composition<AdapterFusionOptions>> composition() {
        return Optional.of(new AdapterFusionFormat());
    }
}
