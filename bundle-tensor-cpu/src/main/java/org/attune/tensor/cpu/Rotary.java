package org.attune.tensor.cpu;

/** Rotary position embedding. */
final class Rotary {
    private Rotary() {}

    static void turn(
            Worker w, long x, int rows, int heads, int headSize, float[] cos, float[] sin, boolean back, long out) {
        int columns = heads * headSize;
        int half = headSize / 2;
        float[] row = w.row(0, columns);
        float sign = back ? -1 : 1;
        for (int i = 0; i < rows; i++) {
            long at = (long) Float.BYTES * i * columns;
            w.load(x + at, row, columns);
            for (int h = 0; h < columns; h += headSize) {
                turn(row, h, half, cos, sin, i * half, sign);
            }
            w.store(row, columns, out + at);
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
