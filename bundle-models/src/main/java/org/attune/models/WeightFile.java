package org.attune.models;

import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.attune.tensor.Shape;
import org.attune.tensor.io.BlockType;
import org.attune.tensor.io.FloatBlocks;

/** Named weights in a file, or several, of any format; open as long as the weights are read. */
public interface WeightFile {
    /** What to call the file in messages. */
    String source();

    /** The weights' names, in the file's order. */
    Set<String> names();

    Shape shape(String name);

    /** The elements of a weight, row-major. */
    void read(String name, FloatBlocks blocks);

    /** The type of the blocks that a weight lies in, if it may stay in them as it is. */
    default Optional<BlockType> blockType(String name) {
        return Optional.empty();
    }

    /**
     * A weight as it lies in blocks, row-major, some whole ones at a time.
     *
     * @param blocks takes what remains in a buffer, which is used again for the next
     */
    default void readBlocks(String name, Consumer<ByteBuffer> blocks) {
        throw new UnsupportedOperationException(source() + ": nothing lies in blocks");
    }

    /**
     * Whether the weight of a linear map lies here as [in, out].
     *
     * @param usually whether it does in Hugging Face's files of the family
     */
    default boolean isTransposed(String name, boolean usually) {
        return usually;
    }
}
