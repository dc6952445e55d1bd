package org.attune.tensor.cpu;

import org.attune.tensor.io.HalfFloats;

/**
 * Conversions for processors that oneDNN has no kernels over bfloat16 for: its portable conversion takes 100 ns an element there,
 * these loops about 1 ns.
 */
final class Bfloat16 {
    private final short[] tile = new short[Worker.TILE];
    private final float[] floats = new float[Worker.TILE];
    private final Shorts shorts = new Shorts();

    /** {@code n} elements of bfloat16 at {@code from} to float32 at {@code to}. */
    void widen(Worker w, long from, long to, long n) {
        for (long done = 0; done < n; done += Worker.TILE) {
            int length = (int) Math.min(Worker.TILE, n - done);
            shorts.at(from + Short.BYTES * done).get(tile, 0, length);
            for (int i = 0; i < length; i++) {
                floats[i] = HalfFloats.fromBfloat16(tile[i]);
            }
            w.store(floats, length, to + Float.BYTES * done);
        }
    }

    /** {@code n} elements of float32 at {@code from} to bfloat16 at {@code to}. */
    void narrow(Worker w, long from, long to, long n) {
        for (long done = 0; done < n; done += Worker.TILE) {
            int length = (int) Math.min(Worker.TILE, n - done);
            w.load(from + Float.BYTES * done, floats, length);
            for (int i = 0; i < length; i++) {
                tile[i] = HalfFloats.toBfloat16(floats[i]);
            }
            shorts.at(to + Short.BYTES * done).put(tile, 0, length);
        }
    }
}
