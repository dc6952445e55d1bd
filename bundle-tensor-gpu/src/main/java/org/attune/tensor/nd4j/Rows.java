package org.attune.tensor.nd4j;

import org.nd4j.linalg.api.ndarray.INDArray;

/** Softmax and its kin over the rows of {@code x} [rows, columns]. ND4J's own operation takes twice as long. */
final class Rows {
    private Rows() {}

    /** {@code y} may be {@code x}. */
    static void softmax(Call call, INDArray x, INDArray y) {
        INDArray row = perRow(call, x);
        Ops.maxOfRows(x, row);
        Ops.sub(x, row, y);
        Ops.exp(y, y);
        Ops.sumOfRows(y, row);
        Ops.div(y, row, y);
    }

    /** {@code dx} may be {@code dy}. */
    static void softmaxGrad(Call call, INDArray y, INDArray dy, INDArray dx) {
        INDArray row = perRow(call, y);
        INDArray product = call.scratch(y.shape());
        Ops.mul(y, dy, product);
        Ops.sumOfRows(product, row);
        Ops.sub(dy, row, dx);
        Ops.mul(dx, y, dx);
    }

    static void logSoftmax(Call call, INDArray x, INDArray y) {
        INDArray row = perRow(call, x);
        INDArray exponentials = call.scratch(x.shape());
        Ops.maxOfRows(x, row);
        Ops.sub(x, row, y);
        Ops.exp(y, exponentials);
        Ops.sumOfRows(exponentials, row);
        Ops.log(row, row);
        Ops.sub(y, row, y);
    }

    static void logSoftmaxGrad(Call call, INDArray y, INDArray dy, INDArray dx) {
        INDArray row = perRow(call, y);
        INDArray probabilities = call.scratch(y.shape());
        Ops.sumOfRows(dy, row);
        Ops.exp(y, probabilities);
        Ops.mul(probabilities, row, probabilities);
        Ops.sub(dy, probabilities, dx);
    }

    static INDArray perRow(Call call, INDArray x) {
        return call.scratch(x.size(0), 1);
    }
}
