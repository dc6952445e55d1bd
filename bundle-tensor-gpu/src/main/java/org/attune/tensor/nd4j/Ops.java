package org.attune.tensor.nd4j;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.api.ops.Op;
import org.nd4j.linalg.api.ops.ScalarOp;
import org.nd4j.linalg.api.ops.impl.reduce.floating.SquaredNorm;
import org.nd4j.linalg.api.ops.impl.reduce.same.Max;
import org.nd4j.linalg.api.ops.impl.reduce.same.Sum;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarAdd;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarMultiplication;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarReverseDivision;
import org.nd4j.linalg.api.ops.impl.transforms.floating.Sqrt;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Exp;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Log;
import org.nd4j.linalg.factory.Nd4j;

/**
 * ND4J's operations under the names of this package. The last array of each is written, and may be one of those read where
 * shapes are equal. Operands of two-argument operations are broadcast: an axis of size 1 is repeated. (ND4J's own
 * {@code addColumnVector} and the like are up to thirty times as slow along some axes.)
 */
final class Ops {
    private Ops() {}

    static void add(INDArray a, INDArray b, INDArray out) {
        custom("add", out, a, b);
    }

    static void sub(INDArray a, INDArray b, INDArray out) {
        custom("subtract", out, a, b);
    }

    static void mul(INDArray a, INDArray b, INDArray out) {
        custom("multiply", out, a, b);
    }

    static void div(INDArray a, INDArray b, INDArray out) {
        custom("divide", out, a, b);
    }

    /** {@code out += scale x}. */
    static void accumulate(double scale, INDArray x, INDArray out) {
        // Its documentation has the operands the other way round: it adds the multiple of the second to the first.
        DynamicCustomOp op = new DynamicCustomOp("axpy", new INDArray[] {out, x}, new INDArray[] {out});
        op.addTArgument(scale);
        Nd4j.exec(op);
    }

    static void add(INDArray x, double shift, INDArray out) {
        run(new ScalarAdd(x, null, out, shift));
    }

    static void mul(INDArray x, double scale, INDArray out) {
        run(new ScalarMultiplication(x, null, out, scale));
    }

    /** {@code out = numerator / x}. */
    static void divideBy(INDArray x, double numerator, INDArray out) {
        run(new ScalarReverseDivision(x, null, out, numerator));
    }

    static void exp(INDArray x, INDArray out) {
        run(new Exp(x, out));
    }

    static void log(INDArray x, INDArray out) {
        run(new Log(x, out));
    }

    static void sqrt(INDArray x, INDArray out) {
        run(new Sqrt(x, out));
    }

    /** The largest of each row: {@code out} [rows, 1]. */
    static void maxOfRows(INDArray x, INDArray out) {
        Nd4j.getExecutioner().exec(new Max(x, out, true, 1));
    }

    /** The sum of each row: {@code out} [rows, 1]. */
    static void sumOfRows(INDArray x, INDArray out) {
        sum(x, 1, out);
    }

    /** The sum along an axis, which stays with size 1. */
    static void sum(INDArray x, int axis, INDArray out) {
        Nd4j.getExecutioner().exec(new Sum(x, out, true, new int[] {axis}));
    }

    /** The sum of squares of each row: {@code out} [rows, 1]. */
    static void squaresOfRows(INDArray x, INDArray out) {
        if (x.size(1) == 1) { // a reduction of one element is a copy to ND4J, not its square
            mul(x, x, out);
            return;
        }
        Nd4j.getExecutioner().exec(new SquaredNorm(x, out, true, 1));
    }

    /** {@code out[i] = x[places[i]]} along the first axis. */
    static void gather(INDArray x, INDArray places, INDArray out) {
        DynamicCustomOp op = new DynamicCustomOp("gather", new INDArray[] {x, places}, new INDArray[] {out});
        op.addIArgument(0);
        Nd4j.exec(op);
    }

    /** {@code out[places[i]] += x[i]} along the first axis, one after the other. */
    static void scatterAdd(INDArray x, INDArray places, INDArray out) {
        DynamicCustomOp op = new DynamicCustomOp("scatter_add", new INDArray[] {out, places, x}, new INDArray[] {out});
        op.addBArgument(true, false); // locked: in order; the indices are the caller's and not checked again
        Nd4j.exec(op);
    }

    static void run(Op op) {
        Nd4j.getExecutioner().exec(op);
    }

    static void run(ScalarOp op) {
        Nd4j.getExecutioner().exec(op);
    }

    private static void custom(String name, INDArray out, INDArray... inputs) {
        Nd4j.exec(new DynamicCustomOp(name, inputs, new INDArray[] {out}));
    }
}
