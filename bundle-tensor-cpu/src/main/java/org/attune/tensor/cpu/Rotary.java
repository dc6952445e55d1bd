package org.attune.tensor.cpu;

import org.attune.tensor.engine.Storage;

/** Rotary position embedding. */
final class Rotary {
    private Rotary() {}

    static void turn(
            Worker w,
            Storage x,
            int rows,
            int heads,
            int headSize,
            float[] cos,
            float[] sin,
            boolean back,
            Storage out) {
        int columns = heads * headSize;
        int half = headSize / 2;
        float[] block = w.row(0, Worker.BLOCK * columns);
        float sign = back ? -1 : 1;
        for (int from = 0; from < rows; from += Worker.BLOCK) {
            int n = Math.min(Worker.BLOCK, rows - from);
            long at = (long) from * columns;
            w.load(x, at, block, n * columns);
            for (int i = 0; i < n; i++) {
                for (int h = i * columns; h < (i + 1) * columns; h += headSize) {
                    turn(block, h, half, cos, sin, (from + i) * half, sign);
                }
            }
            w.store(block, n * columns, out, at);
        }
    }

    private static void turn(float[] row, int h, int half, float[] cos, float[] sin, int angle, float sign) {
        for (int j = 0; j < half; j++) {
            float c = cos[angle + j];
            float s = sign * sin[angle + j];
            float first = row[h + j];
            float second = row[h + half + j];
            row[h + j] = first * c - second * s;
            row[h + half + j] = second * c + first * s;
        }
    }
}
