package org.attune.tensor.engine;

/**
 * One step of AdamW (Loshchilov and Hutter 2019) as PyTorch computes it: {@code p -= lr wd p}, moments, then
 * {@code p -= lr m/(1-beta1^t) / (sqrt(v/(1-beta2^t)) + eps)}.
 *
 * @param step t, counted from 1
 */
public record AdamStep(double lr, double beta1, double beta2, double eps, double weightDecay, long step) {}
