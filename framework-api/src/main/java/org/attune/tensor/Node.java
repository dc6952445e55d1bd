package org.attune.tensor;

/**
 * One recorded operation.
 *
 * @param kept what only its gradient needs, beside inputs and output; freed when that is done
 * @param saved those of its inputs and output whose elements its gradient reads; all others may be freed before
 */
record Node(Tensor[] inputs, Tensor output, Backward backward, Tensor[] kept, Tensor[] saved) {}
