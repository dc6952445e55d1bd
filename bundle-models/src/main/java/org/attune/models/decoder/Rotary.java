package org.attune.models.decoder;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.attune.models.ModelConfig;
import org.attune.tensor.Tensor;

/**
 * Rotary position embedding (Su et al. 2021, arXiv 2104.09864): element i of a head's first half and of its second turn by
 * {@code position * frequency[i]} as a pair. In float32 like Hugging Face, so that far positions agree.
 */
final class Rotary {
    private static final double BASE = 10_000;

    private final int headSize;
    private final RotaryScaling scaling;

    private Rotary(int headSize, RotaryScaling scaling) {
        this.headSize = headSize;
        this.scaling = scaling;
    }

    /**
     * As a configuration says it for all layers: in {@code rope_parameters}, or, before version 5 of transformers, in
     * {@code rope_theta} and {@code rope_scaling}.
     *
     * @throws org.attune.plugin.UserError if it asks for a kind of scaling that is not built
     */
    static Rotary of(ModelConfig config, int headSize) {
        ModelConfig rope = config.object("rope_parameters").orElse(config);
        rope.refuseOtherThan("partial_rotary_factor", 1);
        double base = rope.has("rope_theta") ? rope.number("rope_theta", 1, Double.MAX_VALUE) : BASE;
        ModelConfig scaling = config.object("rope_parameters")
                .or(() -> config.object("rope_scaling"))
                .orElse(null);
        return of(config, scaling, base, headSize);
    }

    /**
     * @param scaling the object that names its kind, and may state another base; null for none
     * @throws org.attune.plugin.UserError if it asks for a kind of scaling that is not built
     */
    static Rotary of(ModelConfig config, ModelConfig scaling, double base, int headSize) {
        if (headSize % 2 != 0) {
            throw config.invalid("num_attention_heads", "a number that makes heads of even size, not " + headSize);
        }
        if (scaling == null) {
            return new Rotary(headSize, RotaryScaling.none(base, headSize));
        }
        scaling.refuseOtherThan("partial_rotary_factor", 1);
        double own = scaling.has("rope_theta") ? scaling.number("rope_theta", 1, Double.MAX_VALUE) : base;
        return new Rotary(headSize, RotaryScaling.read(config, scaling, own, headSize));
    }

    /** The longest sequence of a model that states {@code positions} (max_position_embeddings). */
    int longest(int positions) {
        return scaling.longest(positions);
    }

    /**
     * The angles of a batch's tokens; made once for all layers.
     *
     * @param positions of the tokens in their sequences
     * @param offsets where the sequences begin among the tokens, and the end
     */
    Angles angles(int[] positions, int[] offsets) {
        float[] cos = new float[positions.length * headSize / 2];
        float[] sin = new float[cos.length];
        int[] cuts = scaling.byLength() ? offsets : new int[] {0, positions.length};
        for (int i = 0; i + 1 < cuts.length; i++) {
            write(positions, cuts[i], cuts[i + 1], cos, sin);
        }
        return new Angles(headSize, cos, sin);
    }

    /** Each position is computed once, however often it occurs. */
    private void write(int[] positions, int from, int to, float[] cos, float[] sin) {
        int half = headSize / 2;
        int longest =
                IntStream.of(Arrays.copyOfRange(positions, from, to)).max().orElse(-1) + 1;
        float[] frequencies = scaling.frequencies(longest);
        float[] cosines = new float[longest * half];
        float[] sines = new float[longest * half];
        for (int p = 0; p < longest; p++) {
            for (int i = 0; i < half; i++) {
                float angle = p * frequencies[i];
                cosines[p * half + i] = (float) Math.cos(angle) * scaling.magnitude();
                sines[p * half + i] = (float) Math.sin(angle) * scaling.magnitude();
            }
        }
        for (int row = from; row < to; row++) {
            System.arraycopy(cosines, positions[row] * half, cos, row * half, half);
            System.arraycopy(sines, positions[row] * half, sin, row * half, half);
        }
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
