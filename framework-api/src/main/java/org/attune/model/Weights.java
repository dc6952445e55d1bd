package org.attune.model;

/** What becomes of matrices that a file has in blocks of few bits a number, as GGUF files do. */
public enum Weights {
    /** They are decoded when the model is loaded. */
    DECODED,
    /** They stay in their blocks, a fraction of the memory, and are decoded piece by piece wherever they are multiplied. */
    BLOCKS
}
