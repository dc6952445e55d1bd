package org.attune.evaluation;

/**
 * How much of a completion a language model gives by itself.
 *
 * @param example the example's index in its split
 * @param tokens how many the completion has
 * @param likeliest how many of them the model takes to be likelier than any other token, given the prompt and the right tokens before
 */
public record CompletionMatch(long example, int tokens, int likeliest) implements Prediction {
    /** Whether greedy decoding gives the completion, token for token. */
    public boolean exact() {
        return likeliest == tokens;
    }
}
