package org.attune.tensor.io;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The numbers of four-bit NormalFloat (Dettmers et al. 2023), quantiles of the normal distribution between -1 and 1, and of the eight-bit
 * map for their scales, in the float32 bits of bitsandbytes.
 */
public final class NormalFloat {
    /** Elements that share an absmax. */
    static final int GROUP = 64;
    /** Absmaxes that share a scale, with double quantisation. */
    static final int GROUPS = 256;

    private static final float[] CODE = {
        -1,
        -0.6961928f,
        -0.52507305f,
        -0.3949175f,
        -0.28444138f,
        -0.18477343f,
        -0.091050036f,
        0,
        0.0795803f,
        0.1609302f,
        0.2461123f,
        0.33791524f,
        0.44070983f,
        0.562617f,
        0.72295684f,
        1
    };
    /** The code of 0, which also fills what no element takes. */
    static final int ZERO = 7;

    /** Steps of the grid from -1 to 1. */
    private static final int GRID = 65535;

    private static final float[] DYNAMIC = dynamic();
    private static final float[] MIDPOINTS = midpoints(CODE);
    private static final float[] DYNAMIC_MIDPOINTS = midpoints(DYNAMIC);

    private NormalFloat() {}

    /** The number of a code from 0 to 15. */
    public static float value(int code) {
        return CODE[code];
    }

    /** The absmax of a group under double quantisation. */
    public static float absmax(byte code, float scale, float mean) {
        return DYNAMIC[code & 0xff] * scale + mean;
    }

    /** The code of a number from -1 to 1: the nearest one, at a midpoint the lower. */
    static int code(float y) {
        int code = MIDPOINTS[7] < y ? 8 : 0;
        code += MIDPOINTS[code + 3] < y ? 4 : 0;
        code += MIDPOINTS[code + 1] < y ? 2 : 0;
        return code + (MIDPOINTS[code] < y ? 1 : 0);
    }

    /**
     * The code of a number from -1 to 1 in the eight-bit map: the nearest to the nearest point of a grid, as bitsandbytes has it on the
     * CPU. Beside a midpoint that may be the other code.
     */
    static byte dynamicCode(float y) {
        int point = (int) ((Math.max(-1, Math.min(y, 1)) + 1) * 0.5f * GRID + 0.5f);
        int at = Arrays.binarySearch(DYNAMIC_MIDPOINTS, -1 + 2f * point / GRID);
        return (byte) (at < 0 ? -at - 1 : at);
    }

    /** A group of elements, the first of two in the upper half of a byte. */
    static void decode(float absmax, ByteBuffer in, int from, float[] out, int at) {
        for (int j = 0; j < GROUP / 2; j++) {
            int packed = in.get(from + j);
            out[at + 2 * j] = CODE[packed >> 4 & 15] * absmax;
            out[at + 2 * j + 1] = CODE[packed & 15] * absmax;
        }
    }

    /**
     * Of either sign, for e from 0 to 6, the midpoints of 2^e equal parts of [0.1, 1] times 10^(e - 6); and 0 and 1. The ends of the parts
     * are as torch.linspace rounds them, from both ends to the middle.
     */
    private static float[] dynamic() {
        float[] values = new float[256];
        int n = 0;
        for (int e = 0; e <= 6; e++) {
            int parts = 1 << e;
            float power = (float) Math.pow(10, e - 6);
            for (int i = 0; i < parts; i++) {
                float value = power * ((end(i, parts) + end(i + 1, parts)) / 2);
                values[n++] = value;
                values[n++] = -value;
            }
        }
        values[n++] = 0;
        values[n] = 1;
        Arrays.sort(values);
        return values;
    }

    private static float[] midpoints(float[] values) {
        float[] midpoints = new float[values.length - 1];
        for (int i = 0; i < midpoints.length; i++) {
            midpoints[i] = (values[i] + values[i + 1]) / 2;
        }
        return midpoints;
    }

    private static float end(int i, int parts) {
        float step = (1 - 0.1f) / parts;
        return i < (parts + 1) / 2 ? Math.fma(step, i, 0.1f) : Math.fma(-step, parts - i, 1);
    }
}
