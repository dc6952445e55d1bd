package org.attune.model;

/**
 * A model to be made from nothing.
 *
 * @param config a config.json as text, whose {@code model_type} names the family; what the tokenizer decides is filled in
 * @param vocabulary the largest number of tokens of its tokenizer
 * @param seed decides the weights
 */
public record NewModel(String config, int vocabulary, long seed) {}
