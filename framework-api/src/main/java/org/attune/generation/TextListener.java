package org.attune.generation;

/** Hears text as it comes. Called on the thread that generates, one prompt's pieces in order, those of several mixed. */
@FunctionalInterface
public interface TextListener {
    /**
     * @param prompt its place in the call, from 0
     * @param piece the text that follows what came before: whole characters, and nothing that may turn out to begin a stop text
     * @return whether to go on with this prompt
     */
    boolean text(int prompt, String piece);
}
