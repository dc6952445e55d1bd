package org.attune.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.attune.tensor.Gradients;
import org.attune.tensor.Rng;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AdamStep;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.TensorEngine;

/** A one-layer transformer with a classifier: most operations in one program, as a fine-tune uses them. */
final class SmallModel implements AutoCloseable {
    private static final int VOCABULARY = 23;
    private static final int WIDTH = 8;
    private static final int INNER = 20;
    private static final int CLASSES = 5;
    private static final int[] TOKENS = {3, 14, 15, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9};
    private static final int[] OFFSETS = {0, 4, 5, 10, 13};
    private static final int[] FIRST_TOKENS = {0, 4, 5, 10};
    private static final int[] LABELS = {1, -100, 4, 0};

    private final TensorEngine engine;
    private final List<Tensor> parameters = new ArrayList<>();
    private final Gradients gradients;
    private final Tensor embeddings;
    private final Tensor query;
    private final Tensor down;
    private final Tensor up;
    private final Tensor value;
    private final Tensor gamma;
    private final Tensor beta;
    private final Tensor inner;
    private final Tensor innerBias;
    private final Tensor outer;
    private final Tensor head;

    SmallModel(TensorEngine engine) {
        this.engine = engine;
        embeddings = parameter(VOCABULARY, WIDTH);
        query = parameter(WIDTH, WIDTH);
        down = parameter(2, WIDTH);
        up = parameter(WIDTH, 2);
        value = parameter(WIDTH, WIDTH);
        gamma = parameter(WIDTH);
        beta = parameter(WIDTH);
        inner = parameter(INNER, WIDTH);
        innerBias = parameter(INNER);
        outer = parameter(WIDTH, INNER);
        head = parameter(CLASSES, WIDTH);
        gradients = new Gradients(parameters);
    }

    private Tensor parameter(int... dims) {
        Shape shape = Shape.of(dims);
        Rng rng = Rng.of(5).at(parameters.size());
        float[] values = new float[Math.toIntExact(shape.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.4 * rng.gaussian(i));
        }
        Tensor p = Tensor.zeros(engine, shape).trainable();
        p.set(values);
        parameters.add(p);
        return p;
    }

    /**
     * The mean cross-entropy of four packed sequences, one of them unlabelled.
     *
     * @param stage what is made of each half of the layer
     */
    private Tensor loss(UnaryOperator<UnaryOperator<Tensor>> stage) {
        Tensor x = embeddings.gatherRows(TOKENS).layerNorm(gamma, beta, 1e-5);
        Tensor mixed = stage.apply(this::mix).apply(x);
        Tensor out = stage.apply(this::transform).apply(mixed);
        Tensor logits =
                out.layerNorm(gamma, beta, 1e-5).gatherRows(FIRST_TOKENS).linear(head, null);
        return logits.crossEntropy(LABELS).sum().mul(1.0 / 3);
    }

    private Tensor mix(Tensor x) {
        Tensor q = x.linear(query, null).addMatmul(x.linear(down, null), up, true, 2);
        AttentionLayout layout = AttentionLayout.self(OFFSETS, 2, WIDTH / 2, false);
        return x.add(q.attention(x, x.linear(value, null), layout));
    }

    private Tensor transform(Tensor x) {
        return x.add(x.linear(inner, innerBias).gelu().linear(outer, null));
    }

    double[] lossAndGradients() {
        return lossAndGradients(UnaryOperator.identity());
    }

    /** Loss and, one after another, all gradients of one pass from zero gradients. */
    double[] lossAndGradients(UnaryOperator<UnaryOperator<Tensor>> stage) {
        gradients.zero();
        List<Double> numbers = new ArrayList<>();
        try (Scope scope = Scope.open(engine)) {
            Tensor loss = loss(stage);
            numbers.add(loss.item());
            scope.backward(loss, gradients);
        }
        for (Tensor p : parameters) {
            for (double g : gradients.of(p).toDoubles()) {
                numbers.add(g);
            }
        }
        return numbers.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /** One pass and one step of AdamW with moments that are forgotten. */
    void train() {
        lossAndGradients();
        for (Tensor p : parameters) {
            try (Tensor m = Tensor.zeros(engine, p.shape());
                    Tensor v = Tensor.zeros(engine, p.shape())) {
                engine.adam(
                        new AdamStep(1e-3, 0.9, 0.999, 1e-8, 0.01, 1),
                        p.storage(),
                        gradients.of(p).storage(),
                        m.storage(),
                        v.storage());
            }
        }
    }

    @Override
    public void close() {
        gradients.close();
        parameters.forEach(Tensor::close);
    }
}
