package org.attune.models.decoder;

import java.util.List;
import org.attune.models.ModelConfig;

/**
 * What makes a {@link GatedDecoder}.
 *
 * @param family (model_type)
 * @param vocabulary rows of the token embedding (vocab_size)
 * @param hidden width of the hidden states (hidden_size)
 * @param positions the longest sequence in tokens
 * @param tied whether the output's weight is the token embedding (tie_word_embeddings)
 * @param embeddingScale factor of embeddings
 * @param logitCap the soft cap of the logits; 0 for none
 * @param reaches one a layer
 * @param layer how each is computed
 * @param norm of the last hidden states
 */
record GatedConfig(
        String family,
        int vocabulary,
        int hidden,
        int positions,
        boolean tied,
        double embeddingScale,
        double logitCap,
        List<Reach> reaches,
        DecoderLayer layer,
        RmsNorm norm) {

    /** Reads what all families call by the same keys; embeddings and logits are taken as they are. */
    static GatedConfig read(
            ModelConfig config, boolean tiedByDefault, List<Reach> reaches, DecoderLayer layer, RmsNorm norm) {
        config.refuse("quantization_config", null);
        return new GatedConfig(
                config.text("model_type"),
                config.size("vocab_size"),
                config.size("hidden_size"),
                reaches.stream()
                        .mapToInt(reach -> reach.rotary().longest(config.size("max_position_embeddings")))
                        .min()
                        .orElseThrow(),
                config.flag("tie_word_embeddings", tiedByDefault),
                1,
                0,
                reaches,
                layer,
                norm);
    }

    GatedConfig withEmbeddingScale(double scale) {
        return new GatedConfig(family, vocabulary, hidden, positions, tied, scale, logitCap, reaches, layer, norm);
    }

    GatedConfig withLogitCap(double cap) {
        return new GatedConfig(family, vocabulary, hidden, positions, tied, embeddingScale, cap, reaches, layer, norm);
    }
}
