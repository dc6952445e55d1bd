package org.attune.models.bert;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.attune.model.AttachPoint;
import org.attune.model.AttachPoint.Kind;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.models.PretrainedTokenizer;
import org.attune.models.WeightFile;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.TensorEngine;

/**
 * BERT (Devlin et al. 2019): a bidirectional Transformer encoder with a pooler over the first token, computed as Hugging
 * Face's {@code BertForSequenceClassification} does, with its names. In each layer, normalisation comes after the residual:
 *
 * <pre>{@code
 * h = LayerNorm(x + dropout(dense(attention(x))))
 * y = LayerNorm(h + dropout(dense(gelu(dense(h)))))
 * }</pre>
 *
 * One thing differs in training: {@code attention_probs_dropout_prob} is not applied, so the attention probabilities are
 * never dropped; a warning says so when a model asks for it. The other dropouts are, and inference is not concerned.
 */
public final class BertModel implements Model {
    private static final System.Logger LOG = System.getLogger(BertModel.class.getName());
    private static final String EMBEDDINGS = "bert.embeddings";
    private static final String POOLER = "bert.pooler.dense";

    private final BertConfig config;
    private final String fingerprint;
    private final PretrainedTokenizer tokenizer;
    private final Map<String, Tensor> weights;
    private final List<AttachPoint> attachPoints;
    private final UnaryOperator<Tensor> activation;

    private BertModel(
            BertConfig config, String fingerprint, PretrainedTokenizer tokenizer, Map<String, Tensor> weights) {
        this.config = config;
        this.fingerprint = fingerprint;
        this.tokenizer = tokenizer;
        this.weights = Collections.unmodifiableMap(weights);
        this.attachPoints = List.copyOf(attachPoints(config));
        this.activation = BertConfig.ACTIVATIONS.get(config.activation());
    }

    /**
     * Copies the weights into the engine's memory.
     *
     * @param fingerprint identifies configuration and weights
     * @param tokenizer belongs to the model from now on: closed with it, or when this fails
     * @throws UserError if a weight is missing or its shape is not the configuration's, or the tokenizer knows more ids than
     *     the model
     */
    public static BertModel create(
            BertConfig config,
            String fingerprint,
            PretrainedTokenizer tokenizer,
            WeightFile file,
            TensorEngine engine) {
        try {
            if (tokenizer.vocabulary() > config.vocabulary()) {
                throw new UserError(tokenizer.source() + ": ids up to " + (tokenizer.vocabulary() - 1)
                        + ", but the model's vocab_size is " + config.vocabulary());
            }
            if (config.attentionDropout() > 0) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "{0}: attention_probs_dropout_prob is {1}, but attention probabilities are not dropped",
                        file.source(),
                        config.attentionDropout());
            }
            return new BertModel(config, fingerprint, tokenizer, BertWeights.load(config, file, engine));
        } catch (Throwable t) {
            tokenizer.close();
            throw t;
        }
    }

    static List<AttachPoint> attachPoints(BertConfig config) {
        int hidden = config.hidden();
        List<AttachPoint> points = new ArrayList<>();
        points.add(new AttachPoint(EMBEDDINGS + ".word_embeddings", Kind.EMBEDDING, config.vocabulary(), hidden));
        points.add(new AttachPoint(EMBEDDINGS + ".token_type_embeddings", Kind.EMBEDDING, config.types(), hidden));
        points.add(new AttachPoint(EMBEDDINGS + ".position_embeddings", Kind.EMBEDDING, config.positions(), hidden));
        points.add(new AttachPoint(EMBEDDINGS + ".LayerNorm", Kind.NORM, hidden, hidden));
        for (int i = 0; i < config.layers(); i++) {
            String layer = layer(i);
            points.add(new AttachPoint(layer + ".attention.self.query", Kind.LINEAR, hidden, hidden));
            points.add(new AttachPoint(layer + ".attention.self.key", Kind.LINEAR, hidden, hidden));
            points.add(new AttachPoint(layer + ".attention.self.value", Kind.LINEAR, hidden, hidden));
            points.add(new AttachPoint(layer + ".attention.output.dense", Kind.LINEAR, hidden, hidden));
            points.add(new AttachPoint(layer + ".attention.output.LayerNorm", Kind.NORM, hidden, hidden));
            points.add(new AttachPoint(layer + ".intermediate.dense", Kind.LINEAR, hidden, config.intermediate()));
            points.add(new AttachPoint(layer + ".output.dense", Kind.LINEAR, config.intermediate(), hidden));
            points.add(new AttachPoint(layer + ".output.LayerNorm", Kind.NORM, hidden, hidden));
            points.add(new AttachPoint(layer, Kind.BLOCK, hidden, hidden));
        }
        points.add(new AttachPoint(POOLER, Kind.LINEAR, hidden, hidden));
        return points;
    }

    /** {@inheritDoc} @throws IllegalArgumentException if a sequence is longer than {@link #maxLength} */
    @Override
    public Tensor encode(Forward forward) {
        return encode(forward, null);
    }

    /** {@inheritDoc} @throws IllegalArgumentException if a sequence is longer than {@link #maxLength} */
    @Override
    public Tensor encode(Forward forward, int[] rows) {
        TokenBatch batch = forward.batch();
        checkLengths(batch);
        AttentionLayout attention = AttentionLayout.self(batch.offsets(), config.heads(), config.headSize(), false);
        List<Stage> stages = new ArrayList<>();
        stages.add(Stage.of(EMBEDDINGS, none -> embed(forward, batch)));
        int last = config.layers() - 1;
        for (int i = 0; i < last; i++) {
            String path = layer(i);
            stages.add(Stage.of(path, x -> layer(forward, path, x, x, attention)));
        }
        stages.add(
                rows == null
                        ? Stage.of(layer(last), x -> layer(forward, layer(last), x, x, attention))
                        : new Stage(layer(last), rows, x -> {
                            AttentionLayout some = attention.withQueries(batch.offsetsOf(rows));
                            return layer(forward, layer(last), x, x.gatherRows(rows), some);
                        }));
        return forward.stages(stages);
    }

    private Tensor embed(Forward forward, TokenBatch batch) {
        Tensor sum = forward.embedding(EMBEDDINGS + ".word_embeddings", batch.ids())
                .add(forward.embedding(EMBEDDINGS + ".token_type_embeddings", batch.types()))
                .add(forward.embedding(EMBEDDINGS + ".position_embeddings", batch.positions()));
        Tensor normalised = forward.layerNorm(EMBEDDINGS + ".LayerNorm", sum, config.eps());
        return forward.dropout(EMBEDDINGS + ".dropout", normalised, config.dropout());
    }

    /**
     * @param x the layer's input, which keys and values are made of
     * @param own its rows that have an output
     */
    private Tensor layer(Forward forward, String path, Tensor x, Tensor own, AttentionLayout layout) {
        Tensor query = forward.linear(path + ".attention.self.query", own);
        Tensor key = forward.linear(path + ".attention.self.key", x);
        Tensor value = forward.linear(path + ".attention.self.value", x);
        Tensor context = query.attention(key, value, layout);
        Tensor attended = output(forward, path + ".attention.output", context, own);
        Tensor inner = activation.apply(forward.linear(path + ".intermediate.dense", attended));
        return forward.block(path, output(forward, path + ".output", inner, attended));
    }

    /** {@code LayerNorm(residual + dropout(dense(x)))}: how both halves of a layer end. */
    private Tensor output(Forward forward, String path, Tensor x, Tensor residual) {
        Tensor dropped = forward.dropout(path + ".dropout", forward.linear(path + ".dense", x), config.dropout());
        return forward.layerNorm(path + ".LayerNorm", dropped.add(residual), config.eps());
    }

    /** The tanh pooler over the first token, with the dropout that stands before the classifier. */
    @Override
    public Tensor pool(Forward forward, Tensor hidden) {
        return forward.dropout("dropout", forward.linear(POOLER, hidden).tanh(), config.classifierDropout());
    }

    private void checkLengths(TokenBatch batch) {
        for (int s = 0; s < batch.sequences(); s++) {
            if (batch.length(s) > config.positions()) {
                throw new IllegalArgumentException("a sequence of " + batch.length(s)
                        + " tokens, but the model has only " + config.positions() + " positions");
            }
        }
    }

    private static String layer(int i) {
        return "bert.encoder.layer." + i;
    }

    @Override
    public String family() {
        return "bert";
    }

    @Override
    public String fingerprint() {
        return fingerprint;
    }

    @Override
    public PretrainedTokenizer tokenizer() {
        return tokenizer;
    }

    @Override
    public int hiddenSize() {
        return config.hidden();
    }

    @Override
    public int maxLength() {
        return config.positions();
    }

    @Override
    public List<AttachPoint> attachPoints() {
        return attachPoints;
    }

    @Override
    public Map<String, Tensor> weights() {
        return weights;
    }

    @Override
    public String classifierPath() {
        return "classifier";
    }

    @Override
    public void close() {
        weights.values().forEach(Tensor::close);
        tokenizer.close();
    }
}
