package org.attune.models.bert;

import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.attune.model.Forward;
import org.attune.model.TokenBatch;
import org.attune.models.Architecture;
import org.attune.models.Family;
import org.attune.models.ModelConfig;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Unary;

/**
 * RoBERTa (Liu et al. 2019, arXiv 1907.11692): BERT's encoder, whose positions count from one past the padding token's id, that token
 * itself not counting; and a classifier of two layers over the first token. Names and numbers are those of Hugging Face's
 * {@code RobertaForSequenceClassification} and {@code RobertaForMaskedLM}.
 */
public final class Roberta extends EncoderModel {
    private static final String CLASSIFIER = "classifier.dense";
    private static final Pattern BARE = Pattern.compile("(embeddings|encoder|pooler)\\..*");
    /** Not weights: buffers of older versions, and a pooler that nothing reads. */
    private static final Pattern HARMLESS =
            Pattern.compile("roberta\\.(embeddings\\.(position|token_type)_ids|pooler\\..*)");

    private final BertConfig config;

    private Roberta(BertConfig config) {
        super(
                config.stack("roberta"),
                new MaskedHead(
                        "lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head", Unary.GELU, config.eps()),
                config.tied());
        this.config = config;
        addHead();
        addLayer(CLASSIFIER);
    }

    /** Reads configurations. */
    public static final class OfConfig implements Family {
        @Override
        public String modelType() {
            return "roberta";
        }

        @Override
        public Architecture read(ModelConfig config) {
            BertConfig bert = BertConfig.of(config);
            config.number("pad_token_id", 0, bert.vocabulary()); // has to be there: the positions depend on it
            if (bert.padding() + 1 >= bert.positions()) {
                throw config.invalid("max_position_embeddings", "more than pad_token_id + 1, " + (bert.padding() + 1));
            }
            return new Roberta(bert);
        }
    }

    @Override
    int[] positions(Forward forward) {
        TokenBatch batch = forward.batch();
        int[] positions = forward.positions();
        int padding = paddingToken();
        for (int s = 0; s < batch.sequences(); s++) {
            int last = padding + (batch.length(s) == 0 ? 0 : positions[batch.offsets()[s]]);
            for (int i = batch.offsets()[s]; i < batch.offsets()[s + 1]; i++) {
                positions[i] = batch.ids()[i] == padding ? padding : ++last;
            }
        }
        return positions;
    }

    @Override
    public Tensor pool(Forward forward, Tensor hidden) {
        Tensor dropped = forward.dropout("classifier.dropout", hidden, config.classifierDropout());
        return forward.dropout(
                "classifier.dropout.1", forward.linear(CLASSIFIER, dropped).tanh(), config.classifierDropout());
    }

    @Override
    public String family() {
        return "roberta";
    }

    @Override
    public int maxLength() {
        return config.positions() - paddingToken() - 1;
    }

    @Override
    public String classifierPath() {
        return "classifier.out_proj";
    }

    @Override
    public List<String> classifierLayers(Predicate<String> isThere) {
        return List.of(CLASSIFIER);
    }

    @Override
    public String canonical(String nameInFile) {
        return BARE.matcher(nameInFile).matches() ? "roberta." + nameInFile : nameInFile;
    }

    @Override
    public boolean harmless(String name) {
        return HARMLESS.matcher(name).matches();
    }
}
