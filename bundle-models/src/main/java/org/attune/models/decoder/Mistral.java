package org.attune.models.decoder;

import org.attune.models.Architecture;
import org.attune.models.Family;
import org.attune.models.ModelConfig;
import org.attune.tensor.engine.AttentionLayout;

/**
 * Mistral (Jiang et al. 2023, arXiv 2310.06825): a Llama whose tokens see a sliding window of those before them, in versions that
 * have one.
 */
public final class Mistral implements Family {
    @Override
    public String modelType() {
        return "mistral";
    }

    @Override
    public Architecture read(ModelConfig config) {
        SelfAttention attention = SelfAttention.of(config, false, false);
        GatedFeedForward feedForward = GatedFeedForward.of(config, "hidden_act", false);
        RmsNorm norm = RmsNorm.of(config);
        Reach reach =
                new Reach(config.size("sliding_window", AttentionLayout.ALL), Rotary.of(config, attention.headSize()));
        return new GatedDecoder(GatedConfig.read(
                config, false, Reach.same(config, reach), new PreNormLayer(attention, feedForward, norm), norm));
    }
}
