package org.attune.tensor;

/**
 * One recorded operation.
 *
 * @param kept what only its gradient needs, beside inputs and output; freed when that is done
 */
record Node(Tensor[] inputs, Tensor output, Backward backward, Tensor... kept) {}
