package org.attune.peft.prompt;

import java.util.ArrayList;
import java.util.List;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.Stage;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.plugin.TestModel;

/** Two layers of attention, causal or not, and a map, 4 wide, over 5 tokens and 12 learned positions: two query heads share one key head. */
final class TinyTransformer extends TestModel {
    private static final int WIDTH = 4;
    private static final int HEAD = 2;
    private static final int POSITIONS = 12;

    private final boolean causal;

    TinyTransformer(TensorEngine engine, boolean causal) {
        super(engine, WIDTH, POSITIONS);
        this.causal = causal;
        add("tiny.tokens.weight", 0, 0.7, 5, WIDTH);
        add("tiny.positions.weight", 0, 0.7, POSITIONS, WIDTH);
        for (int i = 0; i < 2; i++) {
            add("tiny.layer." + i + ".attn.query.weight", 0, 0.7, WIDTH, WIDTH);
            add("tiny.layer." + i + ".attn.key.weight", 0, 0.7, HEAD, WIDTH);
            add("tiny.layer." + i + ".attn.value.weight", 0, 0.7, HEAD, WIDTH);
            add("tiny.layer." + i + ".ffn.weight", 0, 0.7, WIDTH, WIDTH);
        }
    }

    @Override
    public Tensor encode(Forward forward) {
        return forward.stages(List.of(
                Stage.of(
                        "tiny.tokens",
                        none -> forward.embedding("tiny.tokens", forward.batch().ids())),
                Stage.of("tiny.positions", x -> x.add(forward.embedding("tiny.positions", forward.positions()))),
                Stage.of("tiny.layer.0", x -> layer(forward, "tiny.layer.0", x)),
                Stage.of("tiny.layer.1", x -> layer(forward, "tiny.layer.1", x))));
    }

    private Tensor layer(Forward forward, String layer, Tensor x) {
        int[] offsets = forward.batch().offsets();
        String path = layer + ".attn";
        Tensor attended = x.add(forward.attention(
                path,
                x,
                forward.linear(path + ".query", x),
                forward.linear(path + ".key", x),
                forward.linear(path + ".value", x),
                new AttentionLayout(offsets, offsets, WIDTH / HEAD, 1, HEAD, 0.7, causal)));
        Tensor z = forward.linear(layer + ".ffn", attended).tanh();
        return forward.residual(layer + ".ffn", attended, z, sum -> sum);
    }

    @Override
    public List<AttachPoint> attachPoints() {
        List<AttachPoint> points = new ArrayList<>();
        points.add(new AttachPoint("tiny.tokens", AttachPoint.Kind.EMBEDDING, 5, WIDTH));
        points.add(new AttachPoint("tiny.positions", AttachPoint.Kind.EMBEDDING, POSITIONS, WIDTH));
        for (int i = 0; i < 2; i++) {
            String layer = "tiny.layer." + i;
            points.add(new AttachPoint(layer + ".attn.query", AttachPoint.Kind.LINEAR, WIDTH, WIDTH));
            points.add(new AttachPoint(layer + ".attn.value", AttachPoint.Kind.LINEAR, WIDTH, HEAD));
            points.add(new AttachPoint(layer + ".attn", AttachPoint.Kind.ATTENTION, 1, HEAD));
            points.add(new AttachPoint(layer + ".ffn", AttachPoint.Kind.LINEAR, WIDTH, WIDTH));
            points.add(new AttachPoint(layer + ".ffn", AttachPoint.Kind.FEED_FORWARD_RESIDUAL, WIDTH, WIDTH));
        }
        return points;
    }

    @Override
    public boolean causal() {
        return causal;
    }
}
