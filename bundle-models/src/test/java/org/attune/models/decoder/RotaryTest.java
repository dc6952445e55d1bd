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
        Rotary.Angles angles = rotary("{\"rope_theta\": 10000}", 4).angles(new int[] {0, 3, 1}, new int[] {0, 3});
        assertThat(angles.cos())
                .containsExactly(new float[] {1, 1, cos(3), cos(0.03), cos(1), cos(0.01)}, within(1e-7f));
        assertThat(angles.sin())
                .containsExactly(new float[] {0, 0, sin(3), sin(0.03), sin(1), sin(0.01)}, within(1e-7f));
        assertThat(angles.of(new int[] {2}).cos()).containsExactly(new float[] {cos(1), cos(0.01)}, within(1e-7f));
    }

    @Test
    void bothFormsOfTheConfigurationAreRead() {
        float[] old = rotary("{\"rope_theta\": 500, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}}", 6)
                .angles(new int[] {8}, new int[] {0, 1})
                .cos();
        float[] current = rotary(
                        "{\"rope_parameters\": {\"rope_theta\": 500, \"rope_type\": \"linear\", \"factor\": 4.0}}", 6)
                .angles(new int[] {8}, new int[] {0, 1})
                .cos();
        assertThat(current).containsExactly(old);
        assertThat(rotary("{\"rope_theta\": 500}", 6)
                        .angles(new int[] {2}, new int[] {0, 1})
                        .cos())
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
                         "high_freq_factor": 16, "original_max_position_embeddings": 1000}}""", 8).angles(new int[] {1}, new int[] {0, 1});
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

    /** In a base of 10,000 with heads of 4: at twice the stated length, times 2, the base is 10,000 (2 2 - 1)^(4/2). */
    @Test
    void dynamicScalingGrowsWithEachSequencesLength() {
        Rotary rotary = rotary("""
                {"max_position_embeddings": 2, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}""", 4);
        assertThat(rotary.longest(2)).isEqualTo(4);
        Rotary.Angles angles = rotary.angles(new int[] {0, 1, 0, 1, 2, 3}, new int[] {0, 2, 6});
        assertThat(angles.of(new int[] {1}).sin()).containsExactly(new float[] {sin(1), sin(0.01)}, within(1e-7f));
        assertThat(angles.of(new int[] {3}).sin())
                .containsExactly(new float[] {sin(1), sin(1 / Math.sqrt(90_000))}, within(1e-7f));
    }

    /**
     * Pair i of heads of 8 in a base of 10,000 turns 32 times over 1,000 positions at i = 0.697 and once at 2.20: pair 0 is kept, pair 3
     * stretched 4 times, pairs 1 and 2 a third and two thirds of the way between.
     */
    @Test
    void yarnStretchesPairsByIndex() {
        Rotary.Angles angles = rotary("""
                        {"rope_parameters": {"rope_theta": 10000, "rope_type": "yarn", "factor": 4,
                         "original_max_position_embeddings": 1000}}""", 8).angles(new int[] {1}, new int[] {0, 1});
        float magnitude = (float) (0.1 * Math.log(4) + 1);
        assertThat(angles.sin())
                .containsExactly(
                        new float[] {
                            magnitude * sin(1),
                            magnitude * sin(0.1 * (2 / 3.0 + 1 / 12.0)),
                            magnitude * sin(0.01 * (1 / 3.0 + 2 / 12.0)),
                            magnitude * sin(0.001 / 4)
                        },
                        within(1e-7f));
    }
}
