package org.attune.models.bert;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.attune.model.Forward;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.models.Architecture;
import org.attune.models.Modules;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;

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
public final class Bert implements Architecture {
    private static final String EMBEDDINGS = "bert.embeddings";
    private static final String POOLER = "bert.pooler.dense";
    /** The parts of a bare {@code BertModel}, whose files have no prefix. */
    private static final Pattern BARE = Pattern.compile("(embeddings|encoder|pooler)\\..*");
    /** Not weights: a buffer of older versions, and the heads of pretraining. */
    private static final Pattern HARMLESS = Pattern.compile("bert\\.embeddings\\.(position|token_type)_ids|cls\\..*");

    private final BertConfig config;
    private final Modules modules;

    public Bert(BertConfig config) {
        this.config = config;
        this.modules = modules(config);
    }

    private static Modules modules(BertConfig config) {
        int hidden = config.hidden();
        Modules modules = new Modules()
                .embedding(EMBEDDINGS + ".word_embeddings", config.vocabulary(), hidden)
                .embedding(EMBEDDINGS + ".token_type_embeddings", config.types(), hidden)
                .embedding(EMBEDDINGS + ".position_embeddings", config.positions(), hidden)
                .layerNorm(EMBEDDINGS + ".LayerNorm", hidden);
        for (int i = 0; i < config.layers(); i++) {
            String layer = layer(i);
            modules.linear(layer + ".attention.self.query", hidden, hidden, true)
                    .linear(layer + ".attention.self.key", hidden, hidden, true)
                    .linear(layer + ".attention.self.value", hidden, hidden, true)
                    .linear(layer + ".attention.output.dense", hidden, hidden, true)
                    .layerNorm(layer + ".attention.output.LayerNorm", hidden)
                    .linear(layer + ".intermediate.dense", hidden, config.intermediate(), true)
                    .linear(layer + ".output.dense", config.intermediate(), hidden, true)
                    .layerNorm(layer + ".output.LayerNorm", hidden)
                    .block(layer, hidden);
        }
        return modules.linear(POOLER, hidden, hidden, true);
    }

    @Override
    public Tensor encode(Forward forward, int[] rows) {
        TokenBatch batch = forward.batch();
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
        Tensor inner = forward.linear(path + ".intermediate.dense", attended).apply(config.activation());
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

    @Override
    public int[] pooledTokens(TokenBatch batch) {
        return batch.firstTokens();
    }

    private static String layer(int i) {
        return "bert.encoder.layer." + i;
    }

    @Override
    public String family() {
        return "bert";
    }

    @Override
    public int hiddenSize() {
        return config.hidden();
    }

    @Override
    public int vocabulary() {
        return config.vocabulary();
    }

    @Override
    public int maxLength() {
        return config.positions();
    }

    @Override
    public Modules modules() {
        return modules;
    }

    @Override
    public String classifierPath() {
        return "classifier";
    }

    @Override
    public boolean classifierBias() {
        return true;
    }

    /** Files converted from TensorFlow call a normalisation's weight gamma and its bias beta. */
    @Override
    public String canonical(String nameInFile) {
        String full = BARE.matcher(nameInFile).matches() ? "bert." + nameInFile : nameInFile;
        return full.replaceFirst("LayerNorm\\.gamma$", "LayerNorm.weight")
                .replaceFirst("LayerNorm\\.beta$", "LayerNorm.bias");
    }

    @Override
    public boolean harmless(String name) {
        return HARMLESS.matcher(name).matches();
    }
}
