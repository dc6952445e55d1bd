package org.attune.kernel.step;

/**
 * How a step is computed.
 *
 * @param lanes into so many parts a batch is dealt, of which each is summed by itself; results depend on it, and not on threads
 * @param microTokens about so many tokens are computed at once
 * @param seed of dropout
 */
public record StepSettings(int lanes, int microTokens, long seed) {}
