package org.attune.models.gguf;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** How GGUF files of one {@code general.architecture} hold a model, against what Hugging Face's folders do. */
interface GgufArchitecture {
    /** Which one a file is of. */
    String KEY = "general.architecture";

    TensorNames names();

    /** The content of the config.json that says the same as a file. */
    ObjectNode config(GgufFile file);

    /**
     * How many heads a tensor's rows belong to, if a head's rows stand in the order of interleaved rotary pairs, where rows 2 i and
     * 2 i + 1 turn together: Hugging Face's rows i and i + headSize / 2. 0 for other tensors.
     */
    default int interleavedHeads(String name, GgufMetadata metadata) {
        return 0;
    }

    /** What was added to each element of a tensor when the file was made. */
    default float offset(String name) {
        return 0;
    }
}
