package org.attune.peft.prompt;

import org.attune.peft.bottleneck.Claim;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Initializer;

/**
 * A trained linear map with bias of its own, which begins as PyTorch's do: uniform on ±1/sqrt(in).
 *
 * @param weight [out, in]
 * @param bias [out]
 */
record DenseLayer(Tensor weight, Tensor bias) {
    static DenseLayer of(String path, int in, int out, Claim claim) {
        Initializer first = Initializer.uniform(1 / Math.sqrt(in));
        return new DenseLayer(
                claim.of(path + ".weight", Shape.of(out, in), first), claim.of(path + ".bias", Shape.of(out), first));
    }

    /** The map to some of the outputs alone. */
    DenseLayer rows(int from, int to) {
        return new DenseLayer(weight.slice(0, from, to), bias.slice(0, from, to));
    }

    Tensor apply(Tensor x) {
        return x.linear(weight, bias);
    }
}
