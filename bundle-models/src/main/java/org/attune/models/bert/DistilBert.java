package org.attune.models.bert;

import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.attune.model.Forward;
import org.attune.models.Activations;
import org.attune.models.Architecture;
import org.attune.models.Family;
import org.attune.models.ModelConfig;
import org.attune.tensor.Tensor;

/**
 * DistilBERT (Sanh et al. 2019, arXiv 1910.01108): BERT's encoder without token types, and a classifier of two layers over the first
 * token. Names and numbers are those of Hugging Face's {@code DistilBertForSequenceClassification} and
 * {@code DistilBertForMaskedLM}. In training, {@code attention_dropout} is not applied.
 */
public final class DistilBert extends EncoderModel {
    private static final String CLASSIFIER = "pre_classifier";
    private static final double EPS = 1e-12;
    private static final Pattern BARE = Pattern.compile("(embeddings|transformer)\\..*");
    private static final EncoderLayer.Names LAYER = new EncoderLayer.Names(
            ".attention.q_lin",
            ".attention.k_lin",
            ".attention.v_lin",
            ".attention",
            ".attention.out_lin",
            ".attention.dropout",
            ".attention",
            ".sa_layer_norm",
            ".ffn.lin1",
            ".ffn.lin2",
            ".ffn.dropout",
            ".ffn",
            ".output_layer_norm");

    private final double classifierDropout;

    private DistilBert(EncoderStack stack, boolean tied, double classifierDropout) {
        super(
                stack,
                new MaskedHead(
                        "vocab_transform",
                        "vocab_layer_norm",
                        "vocab_projector",
                        "vocab_projector",
                        stack.layer().activation(),
                        EPS),
                tied);
        this.classifierDropout = classifierDropout;
        addHead();
        addLayer(CLASSIFIER);
    }

    /** Reads configurations. */
    public static final class OfConfig implements Family {
        @Override
        public String modelType() {
            return "distilbert";
        }

        @Override
        public Architecture read(ModelConfig config) {
            config.refuse(
                    "sinusoidal_pos_embds", null); // the table is a weight all the same, but one that is never trained
            config.refuse("pruned_heads", null);
            config.refuse("quantization_config", null);
            config.warnOfDropout("attention_dropout", "attention probabilities");
            int hidden = config.size("dim");
            int heads = config.size("n_heads");
            if (hidden % heads != 0) {
                throw config.invalid("n_heads", "a divisor of dim, " + hidden);
            }
            double dropout = config.number("dropout", 0, 1);
            EncoderLayer layer = new EncoderLayer(
                    LAYER,
                    hidden,
                    heads,
                    config.size("hidden_dim"),
                    EPS,
                    Activations.of(config, "activation"),
                    0,
                    dropout);
            Embeddings embeddings = new Embeddings(
                    "distilbert.embeddings",
                    config.size("vocab_size"),
                    0,
                    config.size("max_position_embeddings"),
                    BertConfig.padding(config),
                    hidden,
                    EPS,
                    dropout);
            return new DistilBert(
                    EncoderStack.of(embeddings, "distilbert.transformer.layer", config.layers("n_layers"), layer),
                    config.flag("tie_word_embeddings", true),
                    config.has("seq_classif_dropout") ? config.number("seq_classif_dropout", 0, 1) : 0);
        }
    }

    @Override
    public Tensor pool(Forward forward, Tensor hidden) {
        return forward.dropout("dropout", forward.linear(CLASSIFIER, hidden).relu(), classifierDropout);
    }

    @Override
    public String family() {
        return "distilbert";
    }

    @Override
    public List<String> classifierLayers(Predicate<String> isThere) {
        return List.of(CLASSIFIER);
    }

    @Override
    public String canonical(String nameInFile) {
        return BARE.matcher(nameInFile).matches() ? "distilbert." + nameInFile : nameInFile;
    }

    /** All that a file holds beside weights is worth a word. */
    @Override
    public boolean harmless(String name) {
        return false;
    }
}
