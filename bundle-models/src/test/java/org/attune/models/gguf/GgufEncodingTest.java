package org.attune.models.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.attune.tensor.io.HalfFloats;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GgufEncodingTest {
    /** IEEE 754's own examples, the ends of the ranges, and ties, which go to the even neighbour. */
    @ParameterizedTest
    @CsvSource({
        "0, 0000",
        "-0.0, 8000",
        "1, 3c00",
        "-2, c000",
        "65504, 7bff",
        "65519.996, 7bff",
        "65520, 7c00",
        "-1e10, fc00",
        "Infinity, 7c00",
        "NaN, 7e00",
        "0.33325195, 3555",
        "6.103515625e-05, 0400",
        "6.097555160522461e-05, 03ff",
        "5.960464477539063e-08, 0001",
        "2.980232238769531e-08, 0000",
        "8.940696716308594e-08, 0002",
        "1.00048828125, 3c00",
        "1.00146484375, 3c02",
        "1.0004884, 3c01",
        "2047.5, 6800"
    })
    void halvesRoundToNearest(float x, String bits) {
        assertThat(String.format("%04x", HalfFloats.toFloat16(x) & 0xffff)).isEqualTo(bits);
    }

    @Test
    void aBlockOfBytesHasTheLargestMagnitudeAt127() {
        float[] in = new float[32];
        in[0] = -127;
        in[1] = 63.5f; // halfway, away from zero
        in[2] = 0.5f;
        in[3] = -0.5f;
        in[4] = 2.4f;
        ByteBuffer out = ByteBuffer.allocate(34).order(ByteOrder.LITTLE_ENDIAN);
        GgufEncoding.Q8_0.encode(in, 0, out);
        assertThat(out.getShort(0)).isEqualTo(HalfFloats.toFloat16(1));
        assertThat(java.util.Arrays.copyOfRange(out.array(), 2, 8)).containsExactly(-127, 64, 1, -1, 2, 0);

        ByteBuffer zeros = ByteBuffer.allocate(34);
        GgufEncoding.Q8_0.encode(new float[32], 0, zeros);
        assertThat(zeros.array()).containsOnly(0);
    }
}
