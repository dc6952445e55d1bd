package org.attune.evaluation;

/**
 * How probable a language model takes a text to be, as far as it had to predict it: the first token, which nothing stands before,
 * is not counted.
 *
 * @param example the example's index in its split
 * @param logLikelihood natural logarithm of the predicted tokens' probability, given those before them
 * @param tokens how many were predicted
 * @param bytes how many bytes of UTF-8 they are
 */
public record TextLikelihood(long example, double logLikelihood, long tokens, long bytes) implements Prediction {}
