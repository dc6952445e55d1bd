package org.attune.tensor.engine;

import org.attune.tensor.DType;

/**
 * Memory for the tensors of one step on one thread. What is allocated here is gone when the arena closes; blocks are reused
 * by the next arena, so that nothing of a step's size is allocated or freed in the steady state. Not thread-safe.
 */
public interface Arena extends AutoCloseable {
    /**
     * Elements with unspecified content.
     *
     * @throws IllegalArgumentException if the type is none of the engine's
     */
    Storage allocate(long size, DType dtype);

    @Override
    void close();
}
