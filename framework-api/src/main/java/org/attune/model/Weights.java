package org.attune.model;

import java.util.Locale;
import java.util.Optional;
import org.attune.tensor.io.BlockType;

/** How a base model's matrices are held. */
public enum Weights {
    /** What a file has in blocks is decoded when the model is loaded. */
    DECODED,
    /**
     * What a file has in blocks of few bits a number, as GGUF files do, stays in them, a fraction of the memory, and is decoded piece by
     * piece wherever it is multiplied.
     */
    BLOCKS,
    /** The linear maps inside the layers are quantised when the model is loaded: QLoRA's NF4 with double quantisation. */
    NF4(BlockType.NF4_DOUBLE),
    /** Likewise, without double quantisation. */
    NF4_SINGLE(BlockType.NF4),
    /** Likewise, to eight bits and a scale a row. */
    INT8(BlockType.INT8);

    private final Optional<BlockType> quantised;

    Weights() {
        this.quantised = Optional.empty();
    }

    Weights(BlockType quantised) {
        this.quantised = Optional.of(quantised);
    }

    /** As specs and command lines have it. */
    public String written() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** What matrices are quantised to when the model is loaded. */
    public Optional<BlockType> quantised() {
        return quantised;
    }
}
