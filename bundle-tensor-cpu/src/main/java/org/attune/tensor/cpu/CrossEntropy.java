package org.attune.tensor.cpu;

import static org.attune.tensor.cpu.Worker.TILE;

import org.attune.tensor.cpu.KernelKey.RowOperation;
import org.attune.tensor.cpu.Worker.Scratch;

/** Cross-entropy with a label in each row. */
final class CrossEntropy {
    private static final int IGNORED = -100;

    /** Below this a float32 probability has lost digits to underflow, and the loss is taken from the logits. */
    private static final float SMALLEST = 1e-30f;

    /** Rows at a time that are put aside where the probabilities overwrite the logits. */
    private static final int ASIDE = 4;

    private CrossEntropy() {}

    static void forward(Worker w, long logits, int rows, int classes, int[] labels, long losses, long probabilities) {
        Kernel softmax = w.kernel(KernelKey.rows(RowOperation.SOFTMAX, classes));
        if (logits != probabilities) {
            softmax.run(rows, logits, probabilities);
            for (int i = 0; i < rows; i++) {
                long row = (long) Float.BYTES * i * classes;
                loss(w, logits + row, probabilities + row, classes, labels[i], losses + (long) Float.BYTES * i);
            }
            return;
        }
        long aside = w.scratch(Scratch.ROWS, (long) ASIDE * classes);
        for (int from = 0; from < rows; from += ASIDE) {
            int n = Math.min(ASIDE, rows - from);
            long start = (long) Float.BYTES * from * classes;
            w.copy(logits + start, aside, (long) n * classes);
            softmax.run(n, aside, probabilities + start);
            for (int i = 0; i < n; i++) {
                long row = (long) Float.BYTES * i * classes;
                long loss = losses + (long) Float.BYTES * (from + i);
                loss(w, aside + row, probabilities + start + row, classes, labels[from + i], loss);
            }
        }
    }

    private static void loss(Worker w, long logits, long probabilities, int classes, int label, long out) {
        double loss = 0;
        if (label != IGNORED) {
            float p = w.loadOne(probabilities + (long) Float.BYTES * label);
            loss = p >= SMALLEST ? 0 - Math.log(p) : fromLogits(w, logits, classes, label);
        }
        w.storeOne((float) loss, out);
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
