package org.attune.model;

import java.util.OptionalInt;
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

    /**
     * Ids with the words that they belong to.
     *
     * @param ids as {@link #encode} gives them
     * @param words for each id the number of its word in the text, ascending from 0; -1 for a special token
     */
    record Words(int[] ids, int[] words) {}

    /** As {@link #encode}, with words as the tokenizer cuts them before it cuts them into tokens. */
    default Words encodeWords(String text, int maxLength) {
        throw new UnsupportedOperationException("this tokenizer does not tell words apart");
    }

    /** The id that stands for a token that is to be guessed; empty where the tokenizer has none. */
    default OptionalInt maskToken() {
        return OptionalInt.empty();
    }

    /** The tokens of a text as it stands: special tokens that are written in it are such, and none is added. */
    default TokenizedText tokenize(String text) {
        throw new UnsupportedOperationException(getClass().getName() + " does not tell where its tokens stand");
    }

    /** The text of ids, special tokens left out. */
    String decode(int[] ids);

    /** How many ids there are. */
    int vocabulary();

    /** Identifies the tokenizer's content: part of a run's provenance. */
    String fingerprint();
}
