package org.attune.models.decoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.charset.StandardCharsets;
import org.attune.models.ModelConfig;
import org.junit.jupiter.api.Test;

class RotaryTest {
    private static Rotary rotary(String config, int headSize) {
        return Rotary.of(ModelConfig.parse("config.json", config.getBytes(StandardCharsets.UTF_8)), headSize);
    }

    /** Angle i of position p is p theta^(-2i/size). */
    @Test
    void anglesGrowWithThePosition() {
        Rotary.Angles angles = rotary("{\"rope_theta\": 10000}", 4).angles(new int[] {0, 3, 1});
        assertThat(angles.cos())
                .containsExactly(new float[] {1, 1, cos(3), cos(0.03), cos(1), cos(0.01)}, within(1e-7f));
        assertThat(angles.sin())
                .containsExactly(new float[] {0, 0, sin(3), sin(0.03), sin(1), sin(0.01)}, within(1e-7f));
        assertThat(angles.of(new int[] {2}).cos()).containsExactly(new float[] {cos(1), cos(0.01)}, within(1e-7f));
    }

    @Test
    void bothFormsOfTheConfigurationAreRead() {
        float[] old = rotary("{\"rope_theta\": 500, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}}", 6)
                .angles(new int[] {8})
                .cos();
        float[] current = rotary(
                        "{\"rope_parameters\": {\"rope_theta\": 500, \"rope_type\": \"linear\", \"factor\": 4.0}}", 6)
                .angles(new int[] {8})
                .cos();
        assertThat(current).containsExactly(old);
        assertThat(rotary("{\"rope_theta\": 500}", 6).angles(new int[] {2}).cos())
                .containsExactly(old, within(1e-7f));
    }

    /**
     * Wavelengths here are 6.28, 62.8, 628 and 6,283 over an original context of 1,000, so there are 159, 15.9, 1.59 and 0.159 of
     * them in it: those over 16 are kept, those under 1 stretched 8 times; 1.59 lies (1.59 - 1) / 15 of the way from there.
     */
    @Test
    void llama3StretchesLongWaves() {
        Rotary.Angles angles = rotary("""
                        {"rope_parameters": {"rope_theta": 10000, "rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
                         "high_freq_factor": 16, "original_max_position_embeddings": 1000}}""", 8).angles(new int[] {1});
        double second = kept(1000 * 0.1 / (2 * Math.PI));
        double third = kept(1000 * 0.01 / (2 * Math.PI));
        assertThat(angles.sin())
                .containsExactly(
                        new float[] {
                            sin(1),
                            sin(0.1 * (second + (1 - second) / 8)),
                            sin(0.01 * (third + (1 - third) / 8)),
                            sin(0.001 / 8)
                        },
                        within(1e-7f));
    }

    private static double kept(double waves) {
        return (waves - 1) / (16 - 1);
    }

    private static float cos(double x) {
        return (float) Math.cos(x);
    }

    private static float sin(double x) {
        return (float) Math.sin(x);
    }
}
