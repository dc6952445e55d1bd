package org.attune.tensor.cpu;

import static org.attune.tensor.cpu.Worker.TILE;

import org.attune.tensor.cpu.KernelKey.RowOperation;

/** Cross-entropy with a label in each row. */
final class CrossEntropy {
    private static final int IGNORED = -100;

    /** Below this a float32 probability has lost digits to underflow, and the loss is taken from the logits. */
    private static final float SMALLEST = 1e-30f;

    private CrossEntropy() {}

    static void forward(Worker w, long logits, int rows, int classes, int[] labels, long losses, long probabilities) {
        w.kernel(KernelKey.rows(RowOperation.SOFTMAX, classes)).run(rows, logits, probabilities);
        for (int i = 0; i < rows; i++) {
            double loss = 0;
            if (labels[i] != IGNORED) {
                long row = (long) Float.BYTES * i * classes;
                float p = w.loadOne(probabilities + row + (long) Float.BYTES * labels[i]);
                loss = p >= SMALLEST ? 0 - Math.log(p) : fromLogits(w, logits + row, classes, labels[i]);
            }
            w.storeOne((float) loss, losses + (long) Float.BYTES * i);
        }
    }

    /** {@code log(sum exp(logits)) - logits[label]}, also right for NaN. */
    private static double fromLogits(Worker w, long logits, int classes, int label) {
        float[] tile = w.tile(0);
        double max = Double.NEGATIVE_INFINITY;
        double sum = 0;
        for (int c = 0; c < classes; c += TILE) {
            int n = Math.min(TILE, classes - c);
            w.load(logits + (long) Float.BYTES * c, tile, n);
            for (int j = 0; j < n; j++) {
                double larger = Math.max(max, tile[j]);
                sum = sum * Math.exp(max - larger) + Math.exp(tile[j] - larger);
                max = larger;
            }
        }
        return max + Math.log(sum) - w.loadOne(logits + (long) Float.BYTES * label);
    }

    static void gradient(
            Worker w, long probabilities, int rows, int classes, int[] labels, long dlosses, long dlogits) {
        float[] tile = w.tile(0);
        for (int i = 0; i < rows; i++) {
            long row = (long) Float.BYTES * i * classes;
            if (labels[i] == IGNORED) {
                w.zero(dlogits + row, classes);
                continue;
            }
            float dloss = w.loadOne(dlosses + (long) Float.BYTES * i);
            for (int c = 0; c < classes; c += TILE) {
                int n = Math.min(TILE, classes - c);
                w.load(probabilities + row + (long) Float.BYTES * c, tile, n);
                if (labels[i] >= c && labels[i] < c + n) {
                    tile[labels[i] - c] -= 1;
                }
                for (int j = 0; j < n; j++) {
                    tile[j] *= dloss;
                }
                w.store(tile, n, dlogits + row + (long) Float.BYTES * c);
            }
        }
    }
}
