package org.attune.kernel.fake;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.model.Stage;
import org.attune.model.Tokenizer;
import org.attune.tensor.DType;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;

/** An embedding of 12 tokens, 4 wide, and two layers of it, the first with dropout. Reads texts of numbers: "3 1 4". */
public final class TinyModel implements Model {
    public static final int MAX_LENGTH = 6;
    public static final int HIDDEN = 4;

    private final Map<String, Tensor> weights = new LinkedHashMap<>();
    private Map<String, String> tied = Map.of();
    private final DType matrices;
    private final double dropout;
    private boolean masked;
    private boolean closed;

    public TinyModel(TensorEngine engine) {
        this(engine, engine.dtype());
    }

    public TinyModel(TensorEngine engine, DType matrices) {
        this(engine, matrices, 0.25);
    }

    public TinyModel(TensorEngine engine, DType matrices, double dropout) {
        this.matrices = matrices;
        this.dropout = dropout;
        add(engine, "tiny.embeddings.weight", 12, HIDDEN);
        add(engine, "tiny.layer.0.query.weight", HIDDEN, HIDDEN);
        add(engine, "tiny.layer.0.query.bias", HIDDEN);
        add(engine, "tiny.layer.1.query.weight", HIDDEN, HIDDEN);
        add(engine, "tiny.layer.1.value.weight", HIDDEN, HIDDEN);
    }

    private void add(TensorEngine engine, String name, int... dims) {
        Rng rng = Rng.of(7).at(name);
        Tensor t = Tensor.zeros(engine, Shape.of(dims), dims.length >= 2 ? matrices : engine.dtype());
        double[] values = new double[(int) t.shape().size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = 0.5 * rng.gaussian(i);
        }
        t.set(values);
        weights.put(name, t);
    }

    /** With a head over the tokens whose weight is that of the embedding. */
    public TinyModel withTiedHead() {
        tied = Map.of("lm_head.weight", "tiny.embeddings.weight");
        return this;
    }

    /** With that head, for masked tokens. */
    public TinyModel withMaskedHead() {
        masked = true;
        return withTiedHead();
    }

    public boolean closed() {
        return closed;
    }

    @Override
    public String family() {
        return "tiny";
    }

    @Override
    public String fingerprint() {
        return "tiny-7";
    }

    @Override
    public Tokenizer tokenizer() {
        throw new UnsupportedOperationException("the fakes read numbers");
    }

    @Override
    public int hiddenSize() {
        return HIDDEN;
    }

    @Override
    public int maxLength() {
        return MAX_LENGTH;
    }

    @Override
    public List<AttachPoint> attachPoints() {
        List<AttachPoint> points = new ArrayList<>(List.of(
                new AttachPoint("tiny.embeddings", AttachPoint.Kind.EMBEDDING, 12, HIDDEN),
                new AttachPoint("tiny.layer.0.query", AttachPoint.Kind.LINEAR, HIDDEN, HIDDEN),
                new AttachPoint("tiny.layer.0.mlp", AttachPoint.Kind.FEED_FORWARD_RESIDUAL, HIDDEN, HIDDEN),
                new AttachPoint("tiny.layer.1.query", AttachPoint.Kind.LINEAR, HIDDEN, HIDDEN),
                new AttachPoint("tiny.layer.1.value", AttachPoint.Kind.LINEAR, HIDDEN, HIDDEN),
                new AttachPoint("tiny.layer.1", AttachPoint.Kind.BLOCK, HIDDEN, HIDDEN)));
        if (!tied.isEmpty()) {
            points.add(new AttachPoint("lm_head", AttachPoint.Kind.LINEAR, HIDDEN, 12));
        }
        return points;
    }

    @Override
    public Map<String, Tensor> weights() {
        return weights;
    }

    @Override
    public Tensor encode(Forward forward) {
        return encode(forward, null);
    }

    @Override
    public Tensor encode(Forward forward, int[] rows) {
        return forward.stages(List.of(
                Stage.of(
                        "tiny.embeddings",
                        none -> forward.embedding(
                                "tiny.embeddings", forward.batch().ids())),
                Stage.of("tiny.layer.0", x -> {
                    Tensor h = forward.linear("tiny.layer.0.query", x).tanh();
                    Tensor dropped = forward.dropout("tiny.layer.0", h, dropout);
                    return forward.residual("tiny.layer.0.mlp", x, dropped, UnaryOperator.identity());
                }),
                new Stage("tiny.layer.1", rows, x -> {
                    Tensor some = rows == null ? x : x.gatherRows(rows);
                    Tensor q = forward.linear("tiny.layer.1.query", some).tanh();
                    return forward.block("tiny.layer.1", forward.linear("tiny.layer.1.value", q));
                })));
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
    public Map<String, String> tied() {
        return tied;
    }

    @Override
    public Optional<LanguageHead> languageHead() {
        return tied.isEmpty() || masked ? Optional.empty() : Optional.of(() -> "lm_head");
    }

    @Override
    public Optional<LanguageHead> maskedHead() {
        return masked ? Optional.of(() -> "lm_head") : Optional.empty();
    }

    @Override
    public void close() {
        closed = true;
        weights.values().forEach(Tensor::close);
    }
}
