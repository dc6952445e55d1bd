package org.attune.models.decoder;

import org.attune.models.Activations;
import org.attune.models.ModelConfig;
import org.attune.tensor.engine.Unary;

/**
 * The sizes and constants of a {@link GatedDecoder}, as in Hugging Face's config.json.
 *
 * @param family (model_type)
 * @param vocabulary rows of the token embedding (vocab_size)
 * @param hidden width of the hidden states (hidden_size)
 * @param layers (num_hidden_layers)
 * @param heads query heads (num_attention_heads)
 * @param keyHeads key and value heads (num_key_value_heads); divides heads
 * @param headSize (head_dim, else hidden / heads)
 * @param intermediate width inside the feed-forward block (intermediate_size)
 * @param positions the longest sequence in tokens
 * @param eps of the normalisations (rms_norm_eps)
 * @param activation of the gate (hidden_act)
 * @param tied whether the output's weight is the token embedding (tie_word_embeddings)
 * @param biases which linear maps have one
 * @param rotary turns queries and keys
 */
record GatedConfig(
        String family,
        int vocabulary,
        int hidden,
        int layers,
        int heads,
        int keyHeads,
        int headSize,
        int intermediate,
        int positions,
        double eps,
        Unary activation,
        boolean tied,
        Biases biases,
        Rotary rotary) {

    /**
     * @param query and key and value maps
     * @param output of the attention
     * @param feedForward all three maps
     */
    record Biases(boolean query, boolean output, boolean feedForward) {}

    /**
     * Reads what all families call by the same keys.
     *
     * @param window how far back a token sees, Integer.MAX_VALUE for everywhere; longer sequences are not taken, for which full
     *     attention would be another model
     */
    static GatedConfig read(ModelConfig config, Biases biases, int window) {
        config.refuse("quantization_config", null);
        for (String type : config.texts("layer_types")) {
            if (!type.equals("full_attention") && window == Integer.MAX_VALUE) {
                throw config.invalid("layer_types", "'full_attention' alone");
            }
        }
        config.warnOfDropout("attention_dropout", "attention probabilities");
        int hidden = config.size("hidden_size");
        int heads = config.size("num_attention_heads");
        int keyHeads = config.size("num_key_value_heads", heads);
        if (!config.has("head_dim") && hidden % heads != 0) {
            throw config.invalid("num_attention_heads", "a divisor of hidden_size, " + hidden);
        }
        if (heads % keyHeads != 0) {
            throw config.invalid("num_key_value_heads", "a divisor of num_attention_heads, " + heads);
        }
        int headSize = config.size("head_dim", hidden / heads);
        return new GatedConfig(
                config.text("model_type"),
                config.size("vocab_size"),
                hidden,
                config.size("num_hidden_layers"),
                heads,
                keyHeads,
                headSize,
                config.size("intermediate_size"),
                Math.min(config.size("max_position_embeddings"), window),
                config.number("rms_norm_eps", 0, 1),
                Activations.of(config, "hidden_act"),
                config.flag("tie_word_embeddings"),
                biases,
                Rotary.of(config, headSize));
    }
}
