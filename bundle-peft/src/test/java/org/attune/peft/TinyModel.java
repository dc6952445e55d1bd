package org.attune.peft;

import java.util.List;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.plugin.TestModel;

/** An embedding and two linear maps of different widths, with a classification head: 5 tokens, 4 wide, then 6, then 3. */
final class TinyModel extends TestModel {
    TinyModel(TensorEngine engine) {
        super(engine, 3, 8);
        add("tiny.embeddings.weight", 0, 0.5, 5, 4);
        add("tiny.layer.0.query.weight", 0, 0.5, 6, 4);
        add("tiny.layer.0.query.bias", 0, 0.5, 6);
        add("tiny.layer.1.value.weight", 0, 0.5, 3, 6);
        add("tiny.layer.1.value.bias", 0, 0.5, 3);
        add("classifier.weight", 0, 0.5, 2, 3);
        add("classifier.bias", 0, 0.5, 2);
    }

    @Override
    public List<AttachPoint> attachPoints() {
        return List.of(
                new AttachPoint("tiny.embeddings", AttachPoint.Kind.EMBEDDING, 5, 4),
                new AttachPoint("tiny.layer.0.query", AttachPoint.Kind.LINEAR, 4, 6),
                new AttachPoint("tiny.layer.1.value", AttachPoint.Kind.LINEAR, 6, 3),
                new AttachPoint("classifier", AttachPoint.Kind.LINEAR, 3, 2));
    }

    @Override
    public Tensor encode(Forward forward) {
        Tensor x = forward.embedding("tiny.embeddings", forward.batch().ids());
        return forward.linear(
                "tiny.layer.1.value", forward.linear("tiny.layer.0.query", x).tanh());
    }
}
