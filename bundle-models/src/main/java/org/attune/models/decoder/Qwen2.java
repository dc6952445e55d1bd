package org.attune.models.decoder;

import java.util.List;
import org.attune.models.Architecture;
import org.attune.models.Family;
import org.attune.models.ModelConfig;

/**
 * Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv 2407.10671): a Llama with biases on queries, keys and values, whose upper layers may
 * have a sliding window.
 */
public final class Qwen2 implements Family {
    @Override
    public String modelType() {
        return "qwen2";
    }

    @Override
    public Architecture read(ModelConfig config) {
        SelfAttention attention = SelfAttention.of(config, true, false);
        GatedFeedForward feedForward = GatedFeedForward.of(config, "hidden_act", false);
        RmsNorm norm = RmsNorm.of(config);
        return new GatedDecoder(GatedConfig.read(
                config,
                false,
                reaches(config, Rotary.of(config, attention.headSize())),
                new PreNormLayer(attention, feedForward, norm),
                norm));
    }

    /** Of Qwen3 too: layers from {@code max_window_layers} on have the window, if it is switched on at all. */
    static List<Reach> reaches(ModelConfig config, Rotary rotary) {
        Reach full = Reach.full(rotary);
        if (!config.flag("use_sliding_window")) {
            return Reach.same(config, full);
        }
        Reach sliding = new Reach(config.size("sliding_window"), rotary);
        int below =
                config.has("max_window_layers") ? (int) config.number("max_window_layers", 0, Integer.MAX_VALUE) : 28;
        return Reach.mixed(config, full, sliding, layer -> layer >= below);
    }
}
