package org.attune.trainers;

import org.attune.plugin.Option;

/**
 * What {@link Classification} may be told.
 *
 * @param maxLength in tokens
 * @param dropout of the head's input
 * @param pooling how a sequence becomes one vector
 */
public record ClassificationOptions(
        @Option(
                value =
                        "longest input in tokens, special tokens included; longer text is cut, also where the model takes less",
                defaults = "128",
                min = 3)
        int maxLength,

        @Option(
                value = "dropout on the input of the classification head, from 0 up to but not including 1",
                defaults = "0.0",
                min = 0,
                max = 1)
        double dropout,

        @Option(
                value = "one vector from a sequence: as the model's own classifier reads it (model), the mean over its "
                        + "tokens (mean), or the first token (first)",
                defaults = "model")
        Pooling pooling) {}
