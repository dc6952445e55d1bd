package org.attune.models.decoder;

import org.attune.models.Architecture;
import org.attune.models.ModelConfig;

/**
 * Mistral (Jiang et al. 2023, arXiv 2310.06825): a Llama whose tokens see a sliding window of those before them. Sequences are
 * taken up to the window's length, within which attention is Llama's.
 */
public final class Mistral {
    private Mistral() {}

    /** @throws org.attune.plugin.UserError if a value is missing, out of range, or asks for what is not supported */
    public static Architecture read(ModelConfig config) {
        GatedConfig.Biases none = new GatedConfig.Biases(false, false, false);
        return new GatedDecoder(GatedConfig.read(config, none, config.size("sliding_window", Integer.MAX_VALUE)));
    }
}
