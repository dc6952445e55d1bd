package org.attune.generation;

/**
 * What was generated for one prompt.
 *
 * @param text without special tokens, and without the stop text that ended it
 * @param ids of all tokens that were generated, the end token among them
 * @param promptTokens length of the prompt
 * @param end why it ended
 */
public record Generated(String text, int[] ids, int promptTokens, End end) {
    /** Why a generation ended. */
    public enum End {
        /** The model gave an end token. */
        END_TOKEN,
        /** A stop text appeared. */
        STOP_TEXT,
        /** As many tokens as asked for, or as the model has positions for. */
        LENGTH,
        /** The listener had enough. */
        STOPPED
    }
}
