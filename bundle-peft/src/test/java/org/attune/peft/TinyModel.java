package org.attune.peft;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.model.Tokenizer;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;

/** An embedding and two linear maps of different widths, with a classification head: 5 tokens, 4 wide, then 6, then 3. */
final class TinyModel implements Model {
    private final Map<String, Tensor> weights = new LinkedHashMap<>();

    TinyModel(TensorEngine engine) {
        add(engine, "tiny.embeddings.weight", 5, 4);
        add(engine, "tiny.layer.0.query.weight", 6, 4);
        add(engine, "tiny.layer.0.query.bias", 6);
        add(engine, "tiny.layer.1.value.weight", 3, 6);
        add(engine, "tiny.layer.1.value.bias", 3);
        add(engine, "classifier.weight", 2, 3);
        add(engine, "classifier.bias", 2);
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
    public String family() {
        return "tiny";
    }

    @Override
    public String fingerprint() {
        return "tiny";
    }

    @Override
    public Tokenizer tokenizer() {
        throw new UnsupportedOperationException("no test here reads text");
    }

    @Override
    public int hiddenSize() {
        return 3;
    }

    @Override
    public int maxLength() {
        return 8;
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
    public Map<String, Tensor> weights() {
        return weights;
    }

    @Override
    public Tensor encode(Forward forward) {
        Tensor x = forward.embedding("tiny.embeddings", forward.batch().ids());
        return forward.linear(
                "tiny.layer.1.value", forward.linear("tiny.layer.0.query", x).tanh());
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
