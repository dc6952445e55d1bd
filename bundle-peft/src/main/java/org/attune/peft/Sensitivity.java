package org.attune.peft;

import org.attune.tensor.Tensor;
import org.attune.training.Adapter.Attachment;

/**
 * A running score of each element of a parameter, as AdaLoRA defines it: the exponential average of an importance, times that of how
 * much the importance strays from its average.
 *
 * @param mean and uncertainty of the parameter's shape
 */
record Sensitivity(Tensor mean, Tensor uncertainty) {
    /** That of a parameter, zero at first; kept with the trial. */
    static Sensitivity of(String name, Tensor parameter, Attachment on) {
        return new Sensitivity(
                on.state(name + ".importance", parameter.shape()), on.state(name + ".uncertainty", parameter.shape()));
    }

    /** Takes in a new importance; the uncertainty is against the new average. */
    void update(Tensor importance, double beta1, double beta2) {
        mean.set(mean.mul(beta1).add(importance.mul(1 - beta1)));
        Tensor strayed = importance.sub(mean).abs();
        uncertainty.set(uncertainty.mul(beta2).add(strayed.mul(1 - beta2)));
    }

    /** Of each element. */
    Tensor score() {
        return mean.mul(uncertainty);
    }
}
