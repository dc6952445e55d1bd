package org.attune.models.decoder;

import org.attune.models.Architecture;
import org.attune.models.Family;
import org.attune.models.ModelConfig;

/** Llama (Touvron et al. 2023, arXiv 2302.13971), versions 1 to 3, and what is built like it: SmolLM, TinyLlama. */
public final class Llama implements Family {
    @Override
    public String modelType() {
        return "llama";
    }

    @Override
    public Architecture read(ModelConfig config) {
        boolean biases = config.flag("attention_bias");
        SelfAttention attention = SelfAttention.of(config, biases, biases);
        GatedFeedForward feedForward = GatedFeedForward.of(config, "hidden_act", config.flag("mlp_bias"));
        RmsNorm norm = RmsNorm.of(config);
        Reach reach = Reach.full(Rotary.of(config, attention.headSize()));
        return new GatedDecoder(GatedConfig.read(
                config, false, Reach.same(config, reach), new PreNormLayer(attention, feedForward, norm), norm));
    }
}
