package org.attune.trainers;

import org.attune.plugin.Option;

/**
 * What {@link CausalLm} may be told.
 *
 * @param maxLength in tokens
 */
public record CausalLmOptions(
        @Option(
                value =
                        "longest input in tokens, special tokens included; longer text is cut, also where the model takes less",
                defaults = "512",
                min = 2)
        int maxLength) {}
