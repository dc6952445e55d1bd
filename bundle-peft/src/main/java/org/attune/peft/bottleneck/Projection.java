package org.attune.peft.bottleneck;

import java.util.function.Supplier;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Initializer;

/**
 * One of the two linear maps of a bottleneck.
 *
 * @param weight [out, in], made anew for each pass where it is composed of other tensors
 * @param bias [out]
 */
record Projection(Supplier<Tensor> weight, Tensor bias) {
    /** A plain matrix, {@code path.weight}, and {@code path.bias}, which starts as zero. */
    static Projection dense(Claim claim, String path, int in, int out, Initializer first) {
        Tensor weight = claim.of(path + ".weight", Shape.of(out, in), first);
        return new Projection(() -> weight, bias(claim, path, out));
    }

    static Tensor bias(Claim claim, String path, int out) {
        return claim.of(path + ".bias", Shape.of(out), Initializer.constant(0));
    }
}
