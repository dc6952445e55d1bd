package org.attune.tensor.io;

import org.osgi.annotation.versioning.ConsumerType;

/** Takes a tensor's elements as they are read, row-major, block after block. */
@ConsumerType
@FunctionalInterface
public interface FloatBlocks {
    /** @param block its first {@code length} elements are the next of the tensor; the array is used again for the next */
    void accept(float[] block, int length);
}
