package org.attune.model;

/**
 * A text's tokens and the characters that each stands for.
 *
 * @param ids token ids [tokens]
 * @param starts where each token's characters begin in the text [tokens]
 * @param ends where they end; a token may share a character with its neighbour [tokens]
 */
public record TokenizedText(int[] ids, int[] starts, int[] ends) {}
