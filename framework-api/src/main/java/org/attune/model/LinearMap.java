package org.attune.model;

import org.attune.tensor.Tensor;

/**
 * The weights of a linear map.
 *
 * @param weight [out, in]
 * @param bias [out]; null for none
 */
public record LinearMap(Tensor weight, Tensor bias) {}
