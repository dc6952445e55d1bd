package org.attune.peft.prompt;

import org.attune.plugin.Option;

/**
 * What {@link PTuning} may be told.
 *
 * @param length of the prompt
 * @param encoder what the prompt is computed by
 * @param hidden its width; 0 for that of the embedding
 * @param layers of an LSTM
 */
public record PromptEncoderOptions(
        @Option(value = "virtual tokens before each text", defaults = "20", min = 1)
        int length,

        @Option(value = "what computes them from trained vectors: mlp (three linear maps), or lstm", defaults = "mlp")
        Encoder encoder,

        @Option(value = "width inside the encoder; 0 for that of the embedding", defaults = "0", min = 0)
        int hidden,

        @Option(value = "with encoder lstm: its layers", defaults = "2", min = 1, max = 8)
        int layers) {
    /** What computes a prompt. */
    public enum Encoder {
        MLP,
        LSTM
    }
}
