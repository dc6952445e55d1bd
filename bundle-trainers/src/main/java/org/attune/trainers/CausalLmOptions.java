package org.attune.trainers;

import org.attune.plugin.Option;

/**
 * What {@link CausalLm} may be told.
 *
 * @param maxLength in tokens
 * @param stride tokens between the windows in which an evaluation reads long text; 0 to cut it
 * @param end what ends each text
 * @param prompt template of what is given
 * @param completion template of what is learnt; empty to learn the field {@code text} as a whole
 */
public record CausalLmOptions(
        @Option(
                value =
                        "longest input in tokens, special tokens included; longer text is cut, also where the model takes less",
                defaults = "512",
                min = 2)
        int maxLength,

        @Option(
                value =
                        "tokens from one window to the next in which evaluations read text longer than max_length; each predicts"
                                + " what those before it did not; 0 to cut such text",
                defaults = "0",
                min = 0)
        int stride,

        @Option(
                value = "put at the end of each text, for example the model's end-of-text token, so that it is learnt",
                defaults = "")
        String end,

        @Option(
                value =
                        "what stands before the completion and is not learnt, with fields of the example in braces: {text}",
                defaults = "")
        String prompt,

        @Option(
                value =
                        "what is learnt to follow the prompt, likewise: {label}; without it the field text is learnt as a whole",
                defaults = "")
        String completion) {}
