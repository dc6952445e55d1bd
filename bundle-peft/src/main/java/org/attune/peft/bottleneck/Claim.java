package org.attune.peft.bottleneck;

import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Initializer;

/** How parameters are asked for: to be trained, or only to be kept. */
@FunctionalInterface
public interface Claim {
    /** See {@link org.attune.training.Parameters#parameter}. */
    Tensor of(String name, Shape shape, Initializer initializer);
}
