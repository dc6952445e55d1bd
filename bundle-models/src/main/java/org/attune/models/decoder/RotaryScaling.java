package org.attune.models.decoder;

import java.util.function.IntFunction;
import org.attune.models.ModelConfig;

/**
 * Which frequencies a rotary embedding has: how a model is stretched beyond the context it was first trained on. Computed as Hugging
 * Face does.
 */
final class RotaryScaling {
    private static final String FACTOR = "factor";
    private static final String ORIGINAL = "original_max_position_embeddings";

    private final IntFunction<float[]> frequencies;
    private final boolean byLength;
    /** The longest sequence, as a multiple of the positions that the configuration states. */
    private final double stretch;

    private final float magnitude;

    private RotaryScaling(IntFunction<float[]> frequencies, boolean byLength, double stretch, double magnitude) {
        this.frequencies = frequencies;
        this.byLength = byLength;
        this.stretch = stretch;
        this.magnitude = (float) magnitude;
    }

    private static RotaryScaling fixed(float[] frequencies, double magnitude) {
        return new RotaryScaling(length -> frequencies, false, 1, magnitude);
    }

    static RotaryScaling none(double base, int headSize) {
        return fixed(plain(base, headSize), 1);
    }

    /** @throws org.attune.plugin.UserError if {@code scaling} asks for a kind that is not built */
    static RotaryScaling read(ModelConfig config, ModelConfig scaling, double base, int headSize) {
        String key = scaling.has("rope_type") ? "rope_type" : "type";
        String kind = scaling.has(key) ? scaling.text(key) : "default";
        return switch (kind) {
            case "default" -> none(base, headSize);
            case "linear" -> linear(scaling, base, headSize);
            case "dynamic" -> dynamic(config, scaling, base, headSize);
            case "llama3" -> byWavelength(scaling, base, headSize);
            case "yarn" -> yarn(config, scaling, base, headSize);
            default -> throw scaling.invalid(key, "one of the supported: default, linear, dynamic, llama3, yarn");
        };
    }

    /** Radians a position of each pair [headSize/2], in sequences of so many tokens. */
    float[] frequencies(int length) {
        return frequencies.apply(length);
    }

    /** Whether frequencies depend on a sequence's length. */
    boolean byLength() {
        return byLength;
    }

    /** The factor of sines and cosines. */
    float magnitude() {
        return magnitude;
    }

    int longest(int positions) {
        return (int) Math.min(Integer.MAX_VALUE, positions * stretch);
    }

    private static float[] plain(double base, int headSize) {
        float[] frequencies = new float[headSize / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = (float) Math.pow(base, -2.0 * i / headSize);
        }
        return frequencies;
    }

    private static double factor(ModelConfig scaling) {
        return scaling.number(FACTOR, 1, Double.MAX_VALUE);
    }

    /** Position interpolation (Chen et al. 2023, arXiv 2306.15595). */
    private static RotaryScaling linear(ModelConfig scaling, double base, int headSize) {
        double factor = factor(scaling);
        float[] frequencies = plain(base, headSize);
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = (float) (frequencies[i] / factor);
        }
        return fixed(frequencies, 1);
    }

    /**
     * The base grows with the sequence where that is longer than what the configuration states (dynamic NTK, in Peng et al. 2023,
     * arXiv 2309.00071, section 3.3). Each sequence counts by itself, not the longest of a batch.
     */
    private static RotaryScaling dynamic(ModelConfig config, ModelConfig scaling, double base, int headSize) {
        double factor = factor(scaling);
        int positions = config.size("max_position_embeddings");
        float[] unstretched = plain(base, headSize);
        if (headSize == 2) {
            return fixed(unstretched, 1); // one pair, whose frequency is 1 in any base
        }
        double exponent = headSize / (headSize - 2.0);
        IntFunction<float[]> frequencies = length -> length <= positions
                ? unstretched
                : plain(base * Math.pow(factor * length / positions - (factor - 1), exponent), headSize);
        return new RotaryScaling(frequencies, true, factor, 1);
    }

    /** Llama 3.1's: long waves are stretched, short ones kept, those between in proportion. */
    private static RotaryScaling byWavelength(ModelConfig scaling, double base, int headSize) {
        double factor = factor(scaling);
        double low = scaling.number("low_freq_factor", 0, Double.MAX_VALUE);
        double high = scaling.number("high_freq_factor", 0, Double.MAX_VALUE);
        int positions = scaling.size(ORIGINAL);
        if (high <= low) {
            throw scaling.invalid("high_freq_factor", "more than low_freq_factor, " + low);
        }
        float[] frequencies = plain(base, headSize);
        for (int i = 0; i < frequencies.length; i++) {
            double waves = positions * frequencies[i] / (2 * Math.PI); // over the original context
            double kept = Math.max(0, Math.min(1, (waves - low) / (high - low)));
            frequencies[i] = (float) ((1 - kept) * frequencies[i] / factor + kept * frequencies[i]);
        }
        return fixed(frequencies, 1);
    }

    /**
     * YaRN (Peng et al. 2023, arXiv 2309.00071): pairs that turn more than {@code beta_fast} times over the original context keep
     * their frequency, those below {@code beta_slow} are stretched, those between in proportion to their index; and the scores grow
     * by the square of a factor.
     */
    private static RotaryScaling yarn(ModelConfig config, ModelConfig scaling, double base, int headSize) {
        int original = scaling.has(ORIGINAL) ? scaling.size(ORIGINAL) : config.size("max_position_embeddings");
        double factor =
                scaling.has(FACTOR) ? factor(scaling) : (double) config.size("max_position_embeddings") / original;
        double low = pairThatTurns(number(scaling, "beta_fast", 32), original, base, headSize);
        double high = pairThatTurns(number(scaling, "beta_slow", 1), original, base, headSize);
        if (scaling.flag("truncate", true)) {
            low = Math.floor(low);
            high = Math.ceil(high);
        }
        low = Math.max(low, 0);
        high = Math.min(high, headSize - 1);
        if (low == high) {
            high += 0.001; // a step where there is no slope
        }
        float[] frequencies = plain(base, headSize);
        for (int i = 0; i < frequencies.length; i++) {
            double stretched = Math.max(0, Math.min(1, (i - low) / (high - low)));
            frequencies[i] = (float) (stretched * frequencies[i] / factor + (1 - stretched) * frequencies[i]);
        }
        return fixed(frequencies, yarnMagnitude(scaling, factor));
    }

    /** The index of the pair, a fraction, that turns so many times over a context. */
    private static double pairThatTurns(double turns, int context, double base, int headSize) {
        return headSize * Math.log(context / (turns * 2 * Math.PI)) / (2 * Math.log(base));
    }

    private static double yarnMagnitude(ModelConfig scaling, double factor) {
        if (scaling.has("attention_factor")) {
            return scaling.number("attention_factor", Double.MIN_NORMAL, Double.MAX_VALUE);
        }
        double scale = number(scaling, "mscale", 0);
        double overAll = number(scaling, "mscale_all_dim", 0);
        return scale != 0 && overAll != 0 ? growth(factor, scale) / growth(factor, overAll) : growth(factor, 1);
    }

    private static double growth(double factor, double scale) {
        return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
    }

    private static double number(ModelConfig scaling, String key, double otherwise) {
        return scaling.has(key) ? scaling.number(key, 0, Double.MAX_VALUE) : otherwise;
    }
}
