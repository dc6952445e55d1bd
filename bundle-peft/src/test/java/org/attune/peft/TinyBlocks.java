package org.attune.peft;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.attune.model.AttachPoint;
import org.attune.model.AttachPoint.Kind;
import org.attune.model.Forward;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.plugin.TestModel;

/**
 * An embedding of 5 tokens, 8 wide unless other sizes are asked for, and two layers of two residual sums each, with a norm after each
 * sum or with none.
 */
public final class TinyBlocks extends TestModel {
    /** Of the weights, which are made when they are first asked for: some models here are large. */
    private final Map<String, int[]> shapes = new LinkedHashMap<>();

    private final List<AttachPoint> points = new ArrayList<>();
    private final int hidden;
    private final boolean normed;

    public TinyBlocks(TensorEngine engine, boolean normed) {
        this(engine, normed, 2, 8);
    }

    public TinyBlocks(TensorEngine engine, boolean normed, int layers, int hidden) {
        super(engine, hidden, 8);
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
    public List<AttachPoint> attachPoints() {
        return points;
    }

    @Override
    public Map<String, Tensor> weights() {
        if (super.weights().isEmpty()) {
            shapes.forEach((name, dims) -> add(name, 0, 0.5, dims));
        }
        return super.weights();
    }
}
