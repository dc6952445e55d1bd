package org.attune.tensor;

import java.util.List;
import org.attune.tensor.engine.TensorEngine;

/** Softmax and layer normalisation, over the last axis. */
final class Normalisation {
    private Normalisation() {}

    static Tensor softmax(Tensor x) {
        TensorEngine e = x.engine();
        int columns = x.shape().dim(-1);
        int rows = Matrices.rows(x.shape());
        Tensor y = x.allocate(x.shape());
        e.softmax(x.storage(), rows, columns, y.storage());
        return Tensor.recorded(
                y,
                (dy, in) -> {
                    Tensor dx = in.expendable() ? dy : x.allocate(x.shape());
                    e.softmaxGrad(y.storage(), dy.storage(), rows, columns, dx.storage());
                    in.add(0, dx);
                },
                List.of(y),
                x);
    }

    static Tensor logSoftmax(Tensor x) {
        TensorEngine e = x.engine();
        int columns = x.shape().dim(-1);
        int rows = Matrices.rows(x.shape());
        Tensor y = x.allocate(x.shape());
        e.logSoftmax(x.storage(), rows, columns, y.storage());
        return Tensor.recorded(
                y,
                (dy, in) -> {
                    Tensor dx = x.allocate(x.shape());
                    e.logSoftmaxGrad(y.storage(), dy.storage(), rows, columns, dx.storage());
                    in.add(0, dx);
                },
                List.of(y),
                x);
    }

    static Tensor layerNorm(Tensor x, Tensor gamma, Tensor beta, double eps) {
        TensorEngine e = x.engine();
        int columns = x.shape().dim(-1);
        int rows = Matrices.rows(x.shape());
        Shape vector = Shape.of(columns);
        if (!gamma.shape().equals(vector) || !beta.shape().equals(vector)) {
            throw new IllegalArgumentException(
                    "a norm with gamma " + gamma.shape() + " and beta " + beta.shape() + " cannot take " + x.shape());
        }
        Tensor y = x.allocate(x.shape());
        Tensor mean = Tensor.allocate(e, Shape.of(rows), e.dtype());
        Tensor rstd = Tensor.allocate(e, Shape.of(rows), e.dtype());
        e.layerNorm(
                x.storage(),
                gamma.storage(),
                beta.storage(),
                rows,
                columns,
                eps,
                y.storage(),
                mean.storage(),
                rstd.storage());
        return Tensor.recorded(
                y,
                List.of(mean, rstd),
                (dy, in) -> {
                    Tensor dx = !in.needed(0) ? null : in.expendable() ? dy : x.allocate(x.shape());
                    Tensor dgamma = in.needed(1) ? gamma.allocate(vector) : null;
                    Tensor dbeta = in.needed(2) ? beta.allocate(vector) : null;
                    e.layerNormGrad(
                            x.storage(),
                            gamma.storage(),
                            mean.storage(),
                            rstd.storage(),
                            dy.storage(),
                            rows,
                            columns,
                            dx == null ? null : dx.storage(),
                            dgamma == null ? null : dgamma.storage(),
                            dbeta == null ? null : dbeta.storage());
                    addWanted(in, dx, dgamma, dbeta);
                },
                List.of(x, gamma),
                x,
                gamma,
                beta);
    }

    static Tensor rmsNorm(Tensor x, Tensor gamma, double eps) {
        TensorEngine e = x.engine();
        int columns = x.shape().dim(-1);
        int rows = Matrices.rows(x.shape());
        Shape vector = Shape.of(columns);
        if (!gamma.shape().equals(vector)) {
            throw new IllegalArgumentException("a norm with gamma " + gamma.shape() + " cannot take " + x.shape());
        }
        Tensor y = x.allocate(x.shape());
        Tensor rrms = Tensor.allocate(e, Shape.of(rows), e.dtype());
        e.rmsNorm(x.storage(), gamma.storage(), rows, columns, eps, y.storage(), rrms.storage());
        return Tensor.recorded(
                y,
                List.of(rrms),
                (dy, in) -> {
                    Tensor dx = !in.needed(0) ? null : in.expendable() ? dy : x.allocate(x.shape());
                    Tensor dgamma = in.needed(1) ? gamma.allocate(vector) : null;
                    e.rmsNormGrad(
                            x.storage(),
                            gamma.storage(),
                            rrms.storage(),
                            dy.storage(),
                            rows,
                            columns,
                            dx == null ? null : dx.storage(),
                            dgamma == null ? null : dgamma.storage());
                    addWanted(in, dx, dgamma);
                },
                List.of(x, gamma),
                x,
                gamma);
    }

    /** Adds those gradients that are not null, in the order of the inputs. */
    static void addWanted(Backward.InputGradients in, Tensor... gradients) {
        for (int i = 0; i < gradients.length; i++) {
            if (gradients[i] != null) {
                in.add(i, gradients[i]);
            }
        }
    }
}
