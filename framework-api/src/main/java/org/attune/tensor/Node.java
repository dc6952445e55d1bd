package org.attune.tensor;

/** One recorded operation. */
record Node(Tensor[] inputs, Tensor output, Backward backward) {}
