package org.attune.models.decoder;

import org.attune.models.Architecture;
import org.attune.models.Family;
import org.attune.models.ModelConfig;

/**
 * Qwen3 (Yang et al. 2025, arXiv 2505.09388), the dense ones: each head of queries and keys is normalised; biases are gone unless
 * asked for; the size of a head is free.
 */
public final class Qwen3 implements Family {
    @Override
    public String modelType() {
        return "qwen3";
    }

    @Override
    public Architecture read(ModelConfig config) {
        config.require("head_dim");
        boolean biases = config.flag("attention_bias");
        RmsNorm norm = RmsNorm.of(config);
        SelfAttention attention = SelfAttention.of(config, biases, biases).withHeadNorm(norm);
        GatedFeedForward feedForward = GatedFeedForward.of(config, "hidden_act", false);
        return new GatedDecoder(GatedConfig.read(
                config,
                false,
                Qwen2.reaches(config, Rotary.of(config, attention.headSize())),
                new PreNormLayer(attention, feedForward, norm),
                norm));
    }
}
