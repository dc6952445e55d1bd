package org.attune.peft;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.attune.model.AttachPoint;
import org.attune.model.AttachPoint.Kind;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.model.Tokenizer;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;

/** An embedding of 5 tokens, 8 wide, and two layers of two residual sums each, with a norm after each sum or with none. */
public final class TinyBlocks implements Model {
    public static final int HIDDEN = 8;

    private final Map<String, Tensor> weights = new LinkedHashMap<>();
    private final List<AttachPoint> points = new ArrayList<>();
    private final boolean normed;

    public TinyBlocks(TensorEngine engine, boolean normed) {
        this.normed = normed;
        add(engine, "tiny.embeddings.weight", 5, HIDDEN);
        points.add(new AttachPoint("tiny.embeddings", Kind.EMBEDDING, 5, HIDDEN));
        for (int layer = 0; layer < 2; layer++) {
            addHalf(engine, "tiny.layer." + layer + ".attention", Kind.ATTENTION_RESIDUAL);
            addHalf(engine, "tiny.layer." + layer + ".ffn", Kind.FEED_FORWARD_RESIDUAL);
        }
        points.add(new AttachPoint("tiny.head", Kind.LINEAR, HIDDEN, 2));
    }

    private void addHalf(TensorEngine engine, String path, Kind kind) {
        add(engine, path + ".dense.weight", HIDDEN, HIDDEN);
        points.add(new AttachPoint(path + ".dense", Kind.LINEAR, HIDDEN, HIDDEN));
        points.add(new AttachPoint(path, kind, HIDDEN, HIDDEN));
        if (normed) {
            add(engine, path + ".norm.weight", HIDDEN);
            add(engine, path + ".norm.bias", HIDDEN);
            points.add(new AttachPoint(path + ".norm", Kind.NORM, HIDDEN, HIDDEN));
        }
    }

    private void add(TensorEngine engine, String name, int... dims) {
        Rng rng = Rng.of(7).at(name);
        Tensor t = Tensor.zeros(engine, Shape.of(dims));
        double[] values = new double[(int) t.shape().size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = 0.5 * rng.gaussian(i);
        }
        t.set(values);
        weights.put(name, t);
    }

    @Override
    public Tensor encode(Forward forward) {
        Tensor x = forward.embedding("tiny.embeddings", forward.batch().ids());
        for (AttachPoint point : points) {
            if (point.kind() == Kind.ATTENTION_RESIDUAL || point.kind() == Kind.FEED_FORWARD_RESIDUAL) {
                UnaryOperator<Tensor> norm =
                        normed ? y -> forward.layerNorm(point.path() + ".norm", y, 1e-5) : UnaryOperator.identity();
                Tensor z = forward.linear(point.path() + ".dense", x).tanh();
                x = norm.apply(forward.residual(point.path(), x, z, norm));
            }
        }
        return x;
    }

    @Override
    public String family() {
        return "tiny";
    }

    @Override
    public String fingerprint() {
        return "tiny-blocks";
    }

    @Override
    public Tokenizer tokenizer() {
        throw new UnsupportedOperationException("no test here reads text");
    }

    @Override
    public int hiddenSize() {
        return HIDDEN;
    }

    @Override
    public int maxLength() {
        return 8;
    }

    @Override
    public List<AttachPoint> attachPoints() {
        return points;
    }

    @Override
    public Map<String, Tensor> weights() {
        return weights;
    }

    @Override
    public Tensor pool(Forward forward, Tensor hidden) {
        return hidden;
    }

    @Override
    public String classifierPath() {
        return "classifier";
    }

    @Override
    public void close() {
        weights.values().forEach(Tensor::close);
    }
}
