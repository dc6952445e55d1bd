package org.attune.models.decoder;

import org.attune.models.Architecture;
import org.attune.models.ModelConfig;

/**
 * Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv 2407.10671): a Llama with biases on queries, keys and values. A sliding window, which
 * some layers may have, is met by taking sequences no longer than it.
 */
public final class Qwen2 {
    private Qwen2() {}

    /** @throws org.attune.plugin.UserError if a value is missing, out of range, or asks for what is not supported */
    public static Architecture read(ModelConfig config) {
        int window = config.flag("use_sliding_window") ? config.size("sliding_window") : Integer.MAX_VALUE;
        return new GatedDecoder(GatedConfig.read(config, new GatedConfig.Biases(true, false, false), window));
    }
}
