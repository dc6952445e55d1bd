package org.attune.models.decoder;

import org.attune.models.Architecture;
import org.attune.models.ModelConfig;

/** Llama (Touvron et al. 2023, arXiv 2302.13971), versions 1 to 3, and what is built like it: SmolLM, TinyLlama. */
public final class Llama {
    private Llama() {}

    /** @throws org.attune.plugin.UserError if a value is missing, out of range, or asks for what is not supported */
    public static Architecture read(ModelConfig config) {
        boolean attention = config.flag("attention_bias");
        GatedConfig.Biases biases = new GatedConfig.Biases(attention, attention, config.flag("mlp_bias"));
        return new GatedDecoder(GatedConfig.read(config, biases, Integer.MAX_VALUE));
    }
}
