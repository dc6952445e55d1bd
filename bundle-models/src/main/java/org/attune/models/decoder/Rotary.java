package org.attune.models.decoder;

import java.util.stream.IntStream;
import org.attune.models.ModelConfig;
import org.attune.tensor.Tensor;

/**
 * Rotary position embedding (Su et al. 2021, arXiv 2104.09864): element i of a head's first half and of its second turn by
 * {@code position * frequency[i]} as a pair. In float32 like Hugging Face, so that far positions agree.
 */
final class Rotary {
    private final int headSize;
    /** Radians a position [headSize/2]. */
    private final float[] frequencies;

    private Rotary(int headSize, float[] frequencies) {
        this.headSize = headSize;
        this.frequencies = frequencies;
    }

    /**
     * As a configuration says it: in {@code rope_parameters}, or, before version 5 of transformers, in {@code rope_theta} and
     * {@code rope_scaling}.
     *
     * @throws org.attune.plugin.UserError if it asks for a kind of scaling that is not built
     */
    static Rotary of(ModelConfig config, int headSize) {
        if (headSize % 2 != 0) {
            throw config.invalid("num_attention_heads", "a number that makes heads of even size, not " + headSize);
        }
        ModelConfig rope = config.object("rope_parameters").orElse(config);
        ModelConfig scaling = config.object("rope_parameters")
                .or(() -> config.object("rope_scaling"))
                .orElse(null);
        rope.refuseOtherThan("partial_rotary_factor", 1);
        double theta = rope.has("rope_theta") ? rope.number("rope_theta", 1, Double.MAX_VALUE) : 10000;
        float[] frequencies = new float[headSize / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = (float) Math.pow(theta, -2.0 * i / headSize);
        }
        if (scaling != null) {
            scale(frequencies, scaling);
        }
        return new Rotary(headSize, frequencies);
    }

    private static void scale(float[] frequencies, ModelConfig scaling) {
        String key = scaling.has("rope_type") ? "rope_type" : "type";
        String kind = scaling.has(key) ? scaling.text(key) : "default";
        switch (kind) {
            case "default" -> {}
            case "linear" -> {
                double factor = scaling.number("factor", 1, Double.MAX_VALUE);
                for (int i = 0; i < frequencies.length; i++) {
                    frequencies[i] = (float) (frequencies[i] / factor);
                }
            }
            case "llama3" -> scaleByWavelength(frequencies, scaling);
            default -> throw scaling.invalid(key, "one of the supported: default, linear, llama3");
        }
    }

    /** Llama 3.1's: long waves are stretched, short ones kept, those between in proportion. */
    private static void scaleByWavelength(float[] frequencies, ModelConfig scaling) {
        double factor = scaling.number("factor", 1, Double.MAX_VALUE);
        double low = scaling.number("low_freq_factor", 0, Double.MAX_VALUE);
        double high = scaling.number("high_freq_factor", 0, Double.MAX_VALUE);
        int positions = scaling.size("original_max_position_embeddings");
        if (high <= low) {
            throw scaling.invalid("high_freq_factor", "more than low_freq_factor, " + low);
        }
        for (int i = 0; i < frequencies.length; i++) {
            double waves = positions * frequencies[i] / (2 * Math.PI); // over the original context
            double kept = Math.max(0, Math.min(1, (waves - low) / (high - low)));
            frequencies[i] = (float) ((1 - kept) * frequencies[i] / factor + kept * frequencies[i]);
        }
    }

    /** The angles of tokens at these positions; made once for all layers. */
    Angles angles(int[] positions) {
        int half = frequencies.length;
        int longest = IntStream.of(positions).max().orElse(-1) + 1;
        float[] cosines = new float[longest * half];
        float[] sines = new float[longest * half];
        for (int p = 0; p < longest; p++) {
            for (int i = 0; i < half; i++) {
                float angle = p * frequencies[i];
                cosines[p * half + i] = (float) Math.cos(angle);
                sines[p * half + i] = (float) Math.sin(angle);
            }
        }
        return new Angles(headSize, rows(cosines, half, positions), rows(sines, half, positions));
    }

    private static float[] rows(float[] table, int width, int[] rows) {
        float[] out = new float[rows.length * width];
        for (int r = 0; r < rows.length; r++) {
            System.arraycopy(table, rows[r] * width, out, r * width, width);
        }
        return out;
    }

    /**
     * @param cos and sin [tokens, headSize/2]
     */
    record Angles(int headSize, float[] cos, float[] sin) {
        /** Those of some tokens; null for all. */
        Angles of(int[] tokens) {
            return tokens == null
                    ? this
                    : new Angles(headSize, rows(cos, headSize / 2, tokens), rows(sin, headSize / 2, tokens));
        }

        /** Turns every head of {@code x} [tokens, heads * headSize]. */
        Tensor turn(Tensor x) {
            return x.rotary(headSize, cos, sin);
        }
    }
}
