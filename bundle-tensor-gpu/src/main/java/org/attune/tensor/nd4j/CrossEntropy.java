package org.attune.tensor.nd4j;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Cross-entropy of rows with their labels. */
final class CrossEntropy {
    private static final int IGNORED = -100;

    private interface Run {
        void rows(int from, int count);
    }

    private CrossEntropy() {}

    /** @param losses [rows, 1] */
    static void forward(Call call, INDArray logits, int[] labels, INDArray losses, INDArray probabilities) {
        long rows = logits.size(0);
        long classes = logits.size(1);
        INDArray row = Rows.perRow(call, logits);
        INDArray picked = Rows.perRow(call, logits);
        Ops.maxOfRows(logits, row);
        Ops.sub(logits, row, probabilities);
        long[] places = new long[labels.length];
        for (int i = 0; i < labels.length; i++) {
            places[i] = i * classes + Math.max(labels[i], 0); // any class will do in an ignored row
        }
        Ops.gather(Views.reshaped(probabilities, rows * classes), call.places(places), Views.reshaped(picked, rows));
        Ops.exp(probabilities, probabilities);
        Ops.sumOfRows(probabilities, row);
        Ops.div(probabilities, row, probabilities);
        Ops.log(row, row);
        Ops.sub(row, picked, losses);
        forEachIgnoredRun(labels, (from, count) -> clear(losses, from, count));
    }

    /** @param dlosses [rows, 1] */
    static void backward(Call call, INDArray probabilities, int[] labels, INDArray dlosses, INDArray dlogits) {
        long classes = probabilities.size(1);
        dlogits.assign(probabilities);
        long[] places = new long[labels.length];
        int labelled = 0;
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] != IGNORED) {
                places[labelled++] = i * classes + labels[i];
            }
        }
        if (labelled > 0) {
            INDArray minusOnes = call.scratch(labelled);
            minusOnes.assign(-1);
            Ops.scatterAdd(
                    minusOnes, call.places(Arrays.copyOf(places, labelled)), Views.reshaped(dlogits, dlogits.length()));
        }
        Ops.mul(dlogits, dlosses, dlogits);
        forEachIgnoredRun(labels, (from, count) -> clear(dlogits, from * classes, count * classes));
    }

    private static void forEachIgnoredRun(int[] labels, Run run) {
        for (int from = 0; from < labels.length; from++) {
            int to = from;
            while (to < labels.length && labels[to] == IGNORED) {
                to++;
            }
            if (to > from) {
                run.rows(from, to - from);
                from = to;
            }
        }
    }

    private static void clear(INDArray dense, long from, long count) {
        Views.strided(dense, from, new long[] {count}, new long[] {1}).assign(0);
    }
}
