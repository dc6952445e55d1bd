package org.attune.tensor.engine;

/**
 * A run of elements in an engine's memory, of the engine's own element type. Closing gives the memory back: to the engine,
 * or to the {@link Arena} that it came from; an arena closes all of its own. A slice shares the memory and need not be closed. Any use after that throws {@link IllegalStateException}.
 */
public interface Storage extends AutoCloseable {
    /** How many elements. */
    long size();

    /** The {@code size} elements from {@code offset}, sharing memory with this storage. */
    Storage slice(long offset, long size);

    /** Closing twice is harmless. */
    @Override
    void close();
}
