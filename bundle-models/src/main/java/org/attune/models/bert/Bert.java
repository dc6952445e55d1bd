package org.attune.models.bert;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.TokenBatch;
import org.attune.models.Architecture;
import org.attune.models.Family;
import org.attune.models.ModelConfig;
import org.attune.models.Modules;
import org.attune.tensor.Tensor;

/**
 * BERT (Devlin et al. 2019): a bidirectional Transformer encoder with a pooler over the first token, computed as Hugging
 * Face's {@code BertForSequenceClassification} and {@code BertForMaskedLM} do, with their names; see {@link EncoderLayer}.
 *
 * <p>One thing differs in training: {@code attention_probs_dropout_prob} is not applied, so the attention probabilities are
 * never dropped; a warning says so when a model asks for it. The other dropouts are, and inference is not concerned.
 */
public final class Bert implements Architecture {
    private static final String POOLER = "bert.pooler.dense";
    /** The parts of a bare {@code BertModel}, whose files have no prefix. */
    private static final Pattern BARE = Pattern.compile("(embeddings|encoder|pooler)\\..*");
    /** Not weights: a buffer of older versions, and the other head of pretraining. */
    private static final Pattern HARMLESS = Pattern.compile("bert\\.embeddings\\.(position|token_type)_ids|cls\\..*");

    /** Of RoBERTa too. */
    static final EncoderLayer.Names LAYER = new EncoderLayer.Names(
            ".attention.self.query",
            ".attention.self.key",
            ".attention.self.value",
            ".attention.output.dense",
            ".attention.output.dropout",
            ".attention.output.LayerNorm",
            ".intermediate.dense",
            ".output.dense",
            ".output.dropout",
            ".output.LayerNorm");

    private final BertConfig config;
    private final EncoderStack stack;
    private final MaskedHead head;
    private final Modules modules = new Modules();

    public Bert(BertConfig config) {
        this.config = config;
        stack = config.stack("bert");
        head = new MaskedHead(
                "cls.predictions.transform.dense",
                "cls.predictions.transform.LayerNorm",
                "cls.predictions.decoder",
                "cls.predictions",
                config.activation(),
                config.eps());
        stack.addTo(modules);
        modules.optional(m -> m.linear(POOLER, config.hidden(), config.hidden(), true));
        head.addTo(modules, config.hidden(), config.vocabulary(), config.tied());
    }

    /** Reads configurations. */
    public static final class OfConfig implements Family {
        @Override
        public String modelType() {
            return "bert";
        }

        @Override
        public Architecture read(ModelConfig config) {
            return new Bert(BertConfig.of(config));
        }
    }

    @Override
    public Tensor encode(Forward forward, int[] rows) {
        return stack.run(forward, rows, forward.batch().positions());
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

    /** The pooler, where the file, of a model that was trained without, lacks it. */
    @Override
    public List<String> classifierLayers(Predicate<String> isThere) {
        return isThere.test(POOLER) ? List.of() : List.of(POOLER);
    }

    @Override
    public Optional<LanguageHead> maskedHead(Predicate<String> isThere) {
        return isThere.test(head.dense()) ? Optional.of(head) : Optional.empty();
    }

    @Override
    public Map<String, String> tied() {
        return head.tied(config.tied(), stack.embeddings().words());
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
