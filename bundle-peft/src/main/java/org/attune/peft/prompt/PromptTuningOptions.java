package org.attune.peft.prompt;

import org.attune.plugin.Option;
import org.attune.plugin.UserError;

/**
 * What {@link PromptTuning} may be told.
 *
 * @param length of the prompt
 * @param init what its vectors begin as
 * @param text whose tokens they begin as
 */
public record PromptTuningOptions(
        @Option(value = "virtual tokens before each text", defaults = "20", min = 1)
        int length,

        @Option(
                value =
                        "first values: vocabulary (rows of the embedding drawn at random), text, or random (normal with deviation 1)",
                defaults = "vocabulary")
        Init init,

        @Option(value = "with init text: its tokens, from the beginning again where there are too few", defaults = "")
        String text) {
    /** First values. */
    public enum Init {
        VOCABULARY,
        TEXT,
        RANDOM
    }

    /** @throws UserError if there is a text without its use, or the other way round */
    public PromptTuningOptions {
        if (text.isEmpty() == (init == Init.TEXT)) {
            throw new UserError(
                    text.isEmpty()
                            ? "init is text, but there is no text; give the words that the prompt begins as"
                            : "text is given, but init is not text; set init: text");
        }
    }
}
