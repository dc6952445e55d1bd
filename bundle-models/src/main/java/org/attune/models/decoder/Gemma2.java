package org.attune.models.decoder;

import org.attune.models.Architecture;
import org.attune.models.Family;
import org.attune.models.ModelConfig;

/**
 * Gemma 2 (Gemma Team 2024, arXiv 2408.00118): norms around each half, whose files hold the weight's distance from 1; embeddings
 * times sqrt(hidden); soft caps on scores and logits; a sliding window in every other layer, beginning with the first.
 */
public final class Gemma2 implements Family {
    @Override
    public String modelType() {
        return "gemma2";
    }

    @Override
    public Architecture read(ModelConfig config) {
        RmsNorm norm = norm(config);
        SelfAttention attention = attention(config);
        Rotary rotary = Rotary.of(config, attention.headSize());
        Reach sliding = new Reach(config.size("sliding_window"), rotary);
        GatedConfig gated = GatedConfig.read(
                config,
                true,
                Reach.mixed(config, Reach.full(rotary), sliding, layer -> layer % 2 == 0),
                new SandwichNormLayer(attention, GatedFeedForward.of(config, "hidden_activation", false), norm),
                norm);
        return decoder(config, gated);
    }

    // What Gemma 3 has in common.

    static RmsNorm norm(ModelConfig config) {
        return RmsNorm.of(config).withOffset(1);
    }

    static SelfAttention attention(ModelConfig config) {
        config.require("head_dim");
        config.refuse("use_bidirectional_attention", null);
        boolean biases = config.flag("attention_bias");
        double scale = 1 / Math.sqrt(config.number("query_pre_attn_scalar", Double.MIN_NORMAL, Double.MAX_VALUE));
        return SelfAttention.of(config, biases, biases).withScores(scale, cap(config, "attn_logit_softcapping"));
    }

    static Architecture decoder(ModelConfig config, GatedConfig gated) {
        return new GatedDecoder(gated.withEmbeddingScale(Math.sqrt(gated.hidden()))
                .withLogitCap(cap(config, "final_logit_softcapping")));
    }

    private static double cap(ModelConfig config, String key) {
        return config.has(key) ? config.number(key, Double.MIN_NORMAL, Double.MAX_VALUE) : 0;
    }
}
