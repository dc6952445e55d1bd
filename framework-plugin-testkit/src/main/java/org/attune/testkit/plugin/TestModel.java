package org.attune.testkit.plugin;

import java.util.LinkedHashMap;
import java.util.Map;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.model.Tokenizer;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;

/** A model for tests, of a few random numbers: what it computes and where adapters may act is said by those that extend it. */
public abstract class TestModel implements Model {
    private final TensorEngine engine;
    private final int hidden;
    private final int maxLength;
    private final Map<String, Tensor> weights = new LinkedHashMap<>();

    /** @param hidden width of the last hidden states */
    protected TestModel(TensorEngine engine, int hidden, int maxLength) {
        this.engine = engine;
        this.hidden = hidden;
        this.maxLength = maxLength;
    }

    /** Makes a weight of normal numbers, the same for a name each time. */
    protected final void add(String name, double mean, double deviation, int... dims) {
        Rng rng = Rng.of(7).at(name);
        Tensor t = Tensor.zeros(engine, Shape.of(dims));
        double[] values = new double[Math.toIntExact(t.shape().size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = mean + deviation * rng.gaussian(i);
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
        return getClass().getSimpleName();
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
        return maxLength;
    }

    @Override
    public Map<String, Tensor> weights() {
        return weights;
    }

    @Override
    public Tensor pool(Forward forward, Tensor states) {
        return states;
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
