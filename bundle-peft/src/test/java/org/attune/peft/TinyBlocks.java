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

/**
 * An embedding of 5 tokens, 8 wide unless other sizes are asked for, and two layers of two residual sums each, with a norm after each
 * sum or with none.
 */
public final class TinyBlocks implements Model {
    private final TensorEngine engine;
    /** Made when they are first asked for. */
    private final Map<String, Tensor> weights = new LinkedHashMap<>();

    private final Map<String, int[]> shapes = new LinkedHashMap<>();
    private final List<AttachPoint> points = new ArrayList<>();
    private final int hidden;
    private final boolean normed;

    public TinyBlocks(TensorEngine engine, boolean normed) {
        this(engine, normed, 2, 8);
    }

    public TinyBlocks(TensorEngine engine, boolean normed, int layers, int hidden) {
        this.engine = engine;
        this.normed = normed;
        this.hidden = hidden;
        shapes.put("tiny.embeddings.weight", new int[] {5, hidden});
        points.add(new AttachPoint("tiny.embeddings", Kind.EMBEDDING, 5, hidden));
        for (int layer = 0; layer < layers; layer++) {
            addHalf("tiny.layer." + layer + ".attention", Kind.ATTENTION_RESIDUAL);
            addHalf("tiny.layer." + layer + ".ffn", Kind.FEED_FORWARD_RESIDUAL);
        }
        points.add(new AttachPoint("tiny.head", Kind.LINEAR, hidden, 2));
    }

    private void addHalf(String path, Kind kind) {
        shapes.put(path + ".dense.weight", new int[] {hidden, hidden});
        points.add(new AttachPoint(path + ".dense", Kind.LINEAR, hidden, hidden));
        points.add(new AttachPoint(path, kind, hidden, hidden));
        if (normed) {
            shapes.put(path + ".norm.weight", new int[] {hidden});
            shapes.put(path + ".norm.bias", new int[] {hidden});
            points.add(new AttachPoint(path + ".norm", Kind.NORM, hidden, hidden));
        }
    }

    private void add(String name, int... dims) {
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
        return hidden;
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
        if (weights.isEmpty()) {
            shapes.forEach(this::add);
        }
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
