package org.attune.kernel.replay;

/**
 * The numbers that PyTorch's generator of a processor draws for float32 tensors: the Mersenne Twister MT19937 (Matsumoto and Nishimura
 * 1998), and from it uniform and normal numbers as {@code torch.Tensor.uniform_} and {@code normal_} draw them
 * (aten/src/ATen/native/cpu/DistributionTemplates.h). Uniform ones are PyTorch's to the bit, normal ones to float rounding.
 */
final class TorchRandom {
    private static final int SIZE = 624;
    private static final int SHIFT = 397;
    /** How many normal numbers are drawn at once, as eight pairs. */
    static final int BLOCK = 16;

    private final int[] state = new int[SIZE];
    private int next = SIZE;

    /** As after {@code torch.manual_seed(seed)}, which uses the lower 32 bits. */
    TorchRandom(long seed) {
        state[0] = (int) seed;
        for (int i = 1; i < SIZE; i++) {
            state[i] = 1_812_433_253 * (state[i - 1] ^ state[i - 1] >>> 30) + i;
        }
    }

    /** Uniform on [from, to). */
    float[] uniform(int count, double from, double to) {
        float[] drawn = new float[count];
        for (int i = 0; i < count; i++) {
            drawn[i] = Math.fma(unit(), (float) to - (float) from, (float) from);
        }
        return drawn;
    }

    /** With mean 0 and standard deviation 1. PyTorch draws fewer than 16 in another way, which is not here. */
    float[] normal(int count) {
        if (count < BLOCK) {
            throw new IllegalArgumentException("at least " + BLOCK + " normal numbers are drawn at once, not " + count);
        }
        float[] drawn = uniform(count, 0, 1);
        for (int block = 0; block + BLOCK <= count; block += BLOCK) {
            boxMuller(drawn, block);
        }
        if (count % BLOCK != 0) { // the last block is drawn anew, over the end of the one before
            int last = count - BLOCK;
            System.arraycopy(uniform(BLOCK, 0, 1), 0, drawn, last, BLOCK);
            boxMuller(drawn, last);
        }
        return drawn;
    }

    private static void boxMuller(float[] values, int block) {
        for (int i = block; i < block + BLOCK / 2; i++) {
            float radius = (float) Math.sqrt(-2 * (float) Math.log(1 - values[i]));
            float angle = (float) (2 * Math.PI) * values[i + BLOCK / 2];
            values[i] = radius * (float) Math.cos(angle);
            values[i + BLOCK / 2] = radius * (float) Math.sin(angle);
        }
    }

    private float unit() {
        return (word() & (1 << 24) - 1) * 0x1p-24f;
    }

    private int word() {
        if (next == SIZE) {
            for (int i = 0; i < SIZE; i++) {
                int mixed = state[i] & 0x8000_0000 | state[(i + 1) % SIZE] & 0x7fff_ffff;
                state[i] = state[(i + SHIFT) % SIZE] ^ mixed >>> 1 ^ ((mixed & 1) == 0 ? 0 : 0x9908_b0df);
            }
            next = 0;
        }
        int y = state[next++];
        y ^= y >>> 11;
        y ^= y << 7 & 0x9d2c_5680;
        y ^= y << 15 & 0xefc6_0000;
        return y ^ y >>> 18;
    }
}
