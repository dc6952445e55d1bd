package org.attune.tensor.nd4j;

import org.attune.tensor.engine.AdamStep;
import org.nd4j.linalg.api.ndarray.INDArray;

/** AdamW. ND4J's own updater takes {@code 1 - beta2} in float32, which is four digits short. */
final class Adam {
    private Adam() {}

    static void step(
            Call call,
            AdamStep step,
            INDArray parameter,
            INDArray gradient,
            INDArray firstMoment,
            INDArray secondMoment) {
        double firstCorrection = 1 - Math.pow(step.beta1(), step.step());
        double secondCorrection = 1 - Math.pow(step.beta2(), step.step());
        INDArray update = call.scratch(parameter.shape());
        Ops.mul(firstMoment, step.beta1(), firstMoment);
        Ops.accumulate(1 - step.beta1(), gradient, firstMoment);
        Ops.mul(gradient, gradient, update);
        Ops.mul(secondMoment, step.beta2(), secondMoment);
        Ops.accumulate(1 - step.beta2(), update, secondMoment);
        Ops.sqrt(secondMoment, update);
        Ops.mul(update, 1 / Math.sqrt(secondCorrection), update);
        Ops.add(update, step.eps(), update);
        Ops.div(firstMoment, update, update);
        Ops.mul(parameter, 1 - step.lr() * step.weightDecay(), parameter);
        Ops.accumulate(-step.lr() / firstCorrection, update, parameter);
    }
}
