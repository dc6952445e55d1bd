package org.attune.models.gguf;

import org.attune.models.ModelConfig;
import org.attune.tensor.Shape;

/** Writes what a config.json says of rotary positions as GGUF's metadata. */
final class GgufRotaryKeys {
    private static final double DEFAULT_BASE = 10000;

    private GgufRotaryKeys() {}

    /** @throws org.attune.plugin.UserError if it asks for a kind of scaling that is not written */
    static void put(GgufWriter out, String prefix, ModelConfig config, int headSize) {
        ModelConfig rope = config.object("rope_parameters").orElse(config);
        double base = rope.has("rope_theta") ? rope.number("rope_theta", 1, Double.MAX_VALUE) : DEFAULT_BASE;
        out.number(prefix + "rope.freq_base", base);
        ModelConfig scaling = config.object("rope_parameters")
                .or(() -> config.object("rope_scaling"))
                .orElse(null);
        if (scaling == null) {
            return;
        }
        String key = scaling.has("rope_type") ? "rope_type" : "type";
        switch (scaling.has(key) ? scaling.text(key) : "default") {
            case "default" -> {}
            case "linear" ->
                out.text(prefix + "rope.scaling.type", "linear")
                        .number(prefix + "rope.scaling.factor", scaling.number("factor", 1, Double.MAX_VALUE));
            case "llama3" -> {
                float[] factors = byWavelength(scaling, base, headSize);
                out.tensor("rope_freqs.weight", Shape.of(factors.length), GgufEncoding.F32, () -> factors);
            }
            default -> throw scaling.invalid(key, "one that is written as GGUF: default, linear, llama3");
        }
    }

    /** By what Llama 3.1 divides each frequency: long waves are stretched, short ones kept, those between in proportion. */
    private static float[] byWavelength(ModelConfig scaling, double base, int headSize) {
        double factor = scaling.number("factor", 1, Double.MAX_VALUE);
        double low = scaling.number("low_freq_factor", 0, Double.MAX_VALUE);
        double high = scaling.number("high_freq_factor", 0, Double.MAX_VALUE);
        int positions = scaling.size("original_max_position_embeddings");
        float[] factors = new float[headSize / 2];
        for (int i = 0; i < factors.length; i++) {
            double waves = positions * Math.pow(base, -2.0 * i / headSize) / (2 * Math.PI); // over the original context
            double kept = Math.max(0, Math.min(1, (waves - low) / (high - low)));
            factors[i] = (float) (1 / ((1 - kept) / factor + kept));
        }
        return factors;
    }
}
