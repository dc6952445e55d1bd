package org.attune.tensor.nd4j;

import org.nd4j.linalg.api.ndarray.INDArray;

/** Layer and root mean square normalisation of {@code x} [rows, columns], with one statistic [rows, 1] or two. */
final class Norms {
    private Norms() {}

    static void layer(
            Call call,
            INDArray x,
            INDArray gamma,
            INDArray beta,
            double eps,
            INDArray y,
            INDArray mean,
            INDArray rstd) {
        meanOfRows(x, mean);
        Ops.sub(x, mean, y);
        // ND4J sums in float32, so far from zero the mean is off in its last digits, which the mean of the rest tells.
        INDArray rest = Rows.perRow(call, x);
        meanOfRows(y, rest);
        Ops.sub(y, rest, y);
        Ops.add(mean, rest, mean);
        inverseRoot(y, eps, rstd);
        Ops.mul(y, rstd, y);
        Ops.mul(y, gamma, y);
        Ops.add(y, beta, y);
    }

    /** An output that is null is not wanted. */
    static void layerGrad(
            Call call,
            INDArray x,
            INDArray gamma,
            INDArray mean,
            INDArray rstd,
            INDArray dy,
            INDArray dx,
            INDArray dgamma,
            INDArray dbeta) {
        INDArray normal = call.scratch(x.shape());
        Ops.sub(x, mean, normal);
        Ops.mul(normal, rstd, normal);
        if (dbeta != null) {
            Products.sumRows(call, dy, dbeta);
        }
        if (dgamma != null) {
            scaleGrad(call, normal, dy, dgamma);
        }
        if (dx != null) {
            INDArray row = Rows.perRow(call, x);
            Ops.mul(dy, gamma, dx);
            meanOfRows(dx, row);
            subtractAlong(call, normal, dx);
            Ops.sub(dx, row, dx);
            Ops.mul(dx, rstd, dx);
        }
    }

    static void rootMeanSquare(INDArray x, INDArray gamma, double eps, INDArray y, INDArray rrms) {
        inverseRoot(x, eps, rrms);
        Ops.mul(x, rrms, y);
        Ops.mul(y, gamma, y);
    }

    /** An output that is null is not wanted. */
    static void rootMeanSquareGrad(
            Call call, INDArray x, INDArray gamma, INDArray rrms, INDArray dy, INDArray dx, INDArray dgamma) {
        INDArray normal = call.scratch(x.shape());
        Ops.mul(x, rrms, normal);
        if (dgamma != null) {
            scaleGrad(call, normal, dy, dgamma);
        }
        if (dx != null) {
            Ops.mul(dy, gamma, dx);
            subtractAlong(call, normal, dx);
            Ops.mul(dx, rrms, dx);
        }
    }

    private static void meanOfRows(INDArray x, INDArray out) {
        Ops.sumOfRows(x, out);
        Ops.mul(out, 1.0 / x.size(1), out);
    }

    /** {@code 1 / sqrt(mean(x^2) + eps)} of each row. */
    private static void inverseRoot(INDArray x, double eps, INDArray out) {
        Ops.squaresOfRows(x, out);
        Ops.mul(out, 1.0 / x.size(1), out);
        Ops.add(out, eps, out);
        Ops.sqrt(out, out);
        Ops.divideBy(out, 1, out);
    }

    private static void scaleGrad(Call call, INDArray normal, INDArray dy, INDArray dgamma) {
        INDArray product = call.scratch(normal.shape());
        Ops.mul(normal, dy, product);
        Products.sumRows(call, product, dgamma);
    }

    /** {@code dx -= normal mean(normal dx)} by row. */
    private static void subtractAlong(Call call, INDArray normal, INDArray dx) {
        INDArray row = Rows.perRow(call, dx);
        INDArray product = call.scratch(dx.shape());
        Ops.mul(normal, dx, product);
        meanOfRows(product, row);
        Ops.mul(normal, row, product);
        Ops.sub(dx, product, dx);
    }
}
