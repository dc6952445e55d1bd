package org.attune.models;

import java.util.Set;
import org.attune.tensor.Shape;
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

    /**
     * Whether the weight of a linear map lies here as [in, out].
     *
     * @param usually whether it does in Hugging Face's files of the family
     */
    default boolean isTransposed(String name, boolean usually) {
        return usually;
    }
}
