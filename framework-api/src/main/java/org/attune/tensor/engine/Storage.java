package org.attune.tensor.engine;

import org.attune.tensor.DType;

/**
 * A run of elements of one type in an engine's memory. Closing gives the memory back: to the engine, or to the {@link Arena}
 * that it came from; an arena closes all of its own. A slice shares the memory and need not be closed. Any use after that
 * throws {@link IllegalStateException}.
 */
public interface Storage extends AutoCloseable {
    /** How many elements. */
    long size();

    DType dtype();

    /** How much memory the elements take. */
    default long bytes() {
        return size() * dtype().bytes();
    }

    /** The {@code size} elements from {@code offset}, sharing memory with this storage. */
    Storage slice(long offset, long size);

    /** Closing twice is harmless. */
    @Override
    void close();
}
