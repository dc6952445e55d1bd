package org.attune.models.bert;

import org.attune.models.Activations;
import org.attune.models.ModelConfig;
import org.attune.tensor.engine.Unary;

/**
 * The sizes and constants of a BERT model, as in Hugging Face's config.json.
 *
 * @param vocabulary rows of the word embedding (vocab_size)
 * @param hidden width of the hidden states (hidden_size)
 * @param layers (num_hidden_layers)
 * @param heads (num_attention_heads); divides hidden
 * @param intermediate width inside the feed-forward block (intermediate_size)
 * @param positions the longest sequence in tokens (max_position_embeddings)
 * @param types (type_vocab_size)
 * @param padding the id of the token that shorter texts are filled up with (pad_token_id, else 0)
 * @param eps of the layer normalisations (layer_norm_eps)
 * @param activation of the feed-forward block (hidden_act)
 * @param dropout after the embeddings, the attention and the feed-forward block (hidden_dropout_prob)
 * @param classifierDropout between pooler and classifier (classifier_dropout, else hidden_dropout_prob)
 * @param tied whether the masked head's weight is the word embedding (tie_word_embeddings)
 */
public record BertConfig(
        int vocabulary,
        int hidden,
        int layers,
        int heads,
        int intermediate,
        int positions,
        int types,
        int padding,
        double eps,
        Unary activation,
        double dropout,
        double classifierDropout,
        boolean tied) {

    /** @throws org.attune.plugin.UserError if a value is missing, out of range, or asks for what is not supported */
    public static BertConfig of(ModelConfig config) {
        config.refuse("position_embedding_type", "absolute");
        config.refuse("is_decoder", null);
        config.refuse("add_cross_attention", null);
        config.refuse("pruned_heads", null);
        config.refuse("quantization_config", null);
        double dropout = config.number("hidden_dropout_prob", 0, 1);
        BertConfig bert = new BertConfig(
                config.size("vocab_size"),
                config.size("hidden_size"),
                config.layers("num_hidden_layers"),
                config.size("num_attention_heads"),
                config.size("intermediate_size"),
                config.size("max_position_embeddings"),
                config.size("type_vocab_size"),
                padding(config),
                config.number("layer_norm_eps", 0, 1),
                Activations.of(config, "hidden_act"),
                dropout,
                config.has("classifier_dropout") ? config.number("classifier_dropout", 0, 1) : dropout,
                config.flag("tie_word_embeddings", true));
        config.warnOfDropout("attention_probs_dropout_prob", "attention probabilities");
        if (bert.hidden % bert.heads != 0) {
            throw config.invalid("num_attention_heads", "a divisor of hidden_size, " + bert.hidden);
        }
        return bert;
    }

    static int padding(ModelConfig config) {
        return config.has("pad_token_id") ? (int) config.number("pad_token_id", 0, config.size("vocab_size")) : 0;
    }

    /** The encoder under the family's prefix. */
    EncoderStack stack(String prefix) {
        return EncoderStack.of(
                new Embeddings(prefix + ".embeddings", vocabulary, types, positions, padding, hidden, eps, dropout),
                prefix + ".encoder.layer",
                layers,
                new EncoderLayer(Bert.LAYER, hidden, heads, intermediate, eps, activation, dropout, dropout));
    }
}
