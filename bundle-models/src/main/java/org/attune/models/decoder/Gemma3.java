package org.attune.models.decoder;

import org.attune.models.Architecture;
import org.attune.models.Family;
import org.attune.models.ModelConfig;

/**
 * Gemma 3 (Gemma Team 2025, arXiv 2503.19786), the text models: Gemma 2 with normalised heads of queries and keys in place of soft
 * caps, five layers with a sliding window to one without, and a rotary base for each of the two kinds.
 */
public final class Gemma3 implements Family {
    private static final double LOCAL_BASE = 10_000;
    private static final double GLOBAL_BASE = 1_000_000;

    @Override
    public String modelType() {
        return "gemma3_text";
    }

    @Override
    public Architecture read(ModelConfig config) {
        RmsNorm norm = Gemma2.norm(config);
        SelfAttention attention = Gemma2.attention(config).withHeadNorm(norm);
        int pattern = config.size("sliding_window_pattern", 6);
        Reach full = Reach.full(rotary(config, "full_attention", attention.headSize()));
        Reach sliding =
                new Reach(config.size("sliding_window"), rotary(config, "sliding_attention", attention.headSize()));
        GatedConfig gated = GatedConfig.read(
                config,
                true,
                Reach.mixed(config, full, sliding, layer -> (layer + 1) % pattern != 0),
                new SandwichNormLayer(attention, GatedFeedForward.of(config, "hidden_activation", false), norm),
                norm);
        return Gemma2.decoder(config, gated);
    }

    /** {@code rope_parameters} by kind of layer; before version 5 of transformers, keys for each kind. */
    private static Rotary rotary(ModelConfig config, String kind, int headSize) {
        boolean local = kind.equals("sliding_attention");
        if (config.object("rope_parameters").isPresent()) {
            ModelConfig ofKind =
                    config.object("rope_parameters").get().object(kind).orElse(null);
            return Rotary.of(config, ofKind, local ? LOCAL_BASE : GLOBAL_BASE, headSize);
        }
        String key = local ? "rope_local_base_freq" : "rope_theta";
        double base = config.has(key) ? config.number(key, 1, Double.MAX_VALUE) : local ? LOCAL_BASE : GLOBAL_BASE;
        return Rotary.of(config, local ? null : config.object("rope_scaling").orElse(null), base, headSize);
    }
}
