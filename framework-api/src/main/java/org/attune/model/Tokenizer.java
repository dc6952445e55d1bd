package org.attune.model;

import org.osgi.annotation.versioning.ConsumerType;

/** Text to token ids and back. Thread-safe. */
@ConsumerType
public interface Tokenizer {
    /**
     * The ids of a text, special tokens included.
     *
     * @param maxLength at most so many ids, special tokens included; what goes beyond is cut from the end of the text
     */
    int[] encode(String text, int maxLength);

    /** The text of ids, special tokens left out. */
    String decode(int[] ids);

    /** How many ids there are. */
    int vocabulary();

    /** Identifies the tokenizer's content: part of a run's provenance. */
    String fingerprint();
}
