package org.attune.testkit.plugin;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.attune.model.AttachPoint;
import org.attune.model.AttachPoint.Kind;
import org.attune.model.Forward;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.TensorEngine;

/**
 * A transformer with attach points of every kind under names as BERT's: 7 tokens, 8 wide, 2 heads, 12 wide inside the feed-forward
 * block, 2 layers that are normalised after each sum.
 */
public final class TinyTransformer extends TestModel {
    /** Of its vocabulary. */
    public static final int TOKENS = 7;

    private static final int HIDDEN = 8;
    private static final int HEADS = 2;
    private static final int INNER = 12;

    private final List<AttachPoint> points = new ArrayList<>();

    public TinyTransformer(TensorEngine engine) {
        super(engine, HIDDEN, 16);
        table("tiny.embeddings.word_embeddings", TOKENS);
        norm("tiny.embeddings.LayerNorm");
        for (int i = 0; i < 2; i++) {
            String layer = layer(i);
            linear(layer + ".attention.self.query", HIDDEN, HIDDEN);
            linear(layer + ".attention.self.key", HIDDEN, HIDDEN);
            linear(layer + ".attention.self.value", HIDDEN, HIDDEN);
            points.add(new AttachPoint(layer + ".attention.self", Kind.ATTENTION, HEADS, HIDDEN / HEADS));
            linear(layer + ".attention.output.dense", HIDDEN, HIDDEN);
            points.add(new AttachPoint(layer + ".attention.output", Kind.ATTENTION_RESIDUAL, HIDDEN, HIDDEN));
            norm(layer + ".attention.output.LayerNorm");
            linear(layer + ".intermediate.dense", HIDDEN, INNER);
            linear(layer + ".output.dense", INNER, HIDDEN);
            points.add(new AttachPoint(layer + ".output", Kind.FEED_FORWARD_RESIDUAL, HIDDEN, HIDDEN));
            norm(layer + ".output.LayerNorm");
            points.add(new AttachPoint(layer, Kind.BLOCK, HIDDEN, HIDDEN));
        }
    }

    private static String layer(int i) {
        return "tiny.encoder.layer." + i;
    }

    private void table(String path, int rows) {
        points.add(new AttachPoint(path, Kind.EMBEDDING, rows, HIDDEN));
        add(path + ".weight", 0, 0.4, rows, HIDDEN);
    }

    private void linear(String path, int in, int out) {
        points.add(new AttachPoint(path, Kind.LINEAR, in, out));
        add(path + ".weight", 0, 0.4, out, in);
        add(path + ".bias", 0, 0.4, out);
    }

    private void norm(String path) {
        points.add(new AttachPoint(path, Kind.NORM, HIDDEN, HIDDEN));
        add(path + ".weight", 1, 0.4, HIDDEN);
        add(path + ".bias", 0, 0.4, HIDDEN);
    }

    @Override
    public Tensor encode(Forward forward) {
        AttentionLayout layout = AttentionLayout.self(forward.batch().offsets(), HEADS, HIDDEN / HEADS, false);
        Tensor rows = forward.embedding(
                "tiny.embeddings.word_embeddings", forward.batch().ids());
        Tensor x = forward.layerNorm("tiny.embeddings.LayerNorm", rows, 1e-5);
        for (int i = 0; i < 2; i++) {
            String layer = layer(i);
            String self = layer + ".attention.self";
            Tensor context = forward.attention(
                    self,
                    x,
                    forward.linear(self + ".query", x),
                    forward.linear(self + ".key", x),
                    forward.linear(self + ".value", x),
                    layout);
            x = sum(forward, layer + ".attention.output", x, context);
            Tensor inner = forward.linear(layer + ".intermediate.dense", x).gelu();
            x = forward.block(layer, sum(forward, layer + ".output", x, inner));
        }
        return x;
    }

    private static Tensor sum(Forward forward, String path, Tensor x, Tensor inner) {
        UnaryOperator<Tensor> norm = y -> forward.layerNorm(path + ".LayerNorm", y, 1e-5);
        return norm.apply(forward.residual(path, x, forward.linear(path + ".dense", inner), norm));
    }

    @Override
    public String family() {
        return "bert";
    }

    @Override
    public List<AttachPoint> attachPoints() {
        return points;
    }
}
