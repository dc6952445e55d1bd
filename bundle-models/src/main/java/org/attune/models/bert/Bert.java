package org.attune.models.bert;

import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.attune.model.Forward;
import org.attune.models.Architecture;
import org.attune.models.Family;
import org.attune.models.ModelConfig;
import org.attune.tensor.Tensor;

/**
 * BERT (Devlin et al. 2019): a bidirectional Transformer encoder with a pooler over the first token, computed as Hugging
 * Face's {@code BertForSequenceClassification} and {@code BertForMaskedLM} do, with their names; see {@link EncoderLayer}.
 *
 * <p>One thing differs in training: {@code attention_probs_dropout_prob} is not applied, so the attention probabilities are
 * never dropped; a warning says so when a model asks for it. The other dropouts are, and inference is not concerned.
 */
public final class Bert extends EncoderModel {
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
            ".attention.self",
            ".attention.output.dense",
            ".attention.output.dropout",
            ".attention.output",
            ".attention.output.LayerNorm",
            ".intermediate.dense",
            ".output.dense",
            ".output.dropout",
            ".output",
            ".output.LayerNorm");

    private final double classifierDropout;

    public Bert(BertConfig config) {
        super(
                config.stack("bert"),
                new MaskedHead(
                        "cls.predictions.transform.dense",
                        "cls.predictions.transform.LayerNorm",
                        "cls.predictions.decoder",
                        "cls.predictions",
                        config.activation(),
                        config.eps()),
                config.tied());
        this.classifierDropout = config.classifierDropout();
        addLayer(POOLER);
        addHead();
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

    /** The tanh pooler over the first token, with the dropout that stands before the classifier. */
    @Override
    public Tensor pool(Forward forward, Tensor hidden) {
        return forward.dropout("dropout", forward.linear(POOLER, hidden).tanh(), classifierDropout);
    }

    @Override
    public String family() {
        return "bert";
    }

    /** The pooler, where the file, of a model that was trained without, lacks it. */
    @Override
    public List<String> classifierLayers(Predicate<String> isThere) {
        return isThere.test(POOLER) ? List.of() : List.of(POOLER);
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
