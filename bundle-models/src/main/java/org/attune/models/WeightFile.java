package org.attune.models;

import java.util.Set;
import java.util.function.Function;
import org.attune.models.onnx.OnnxWeights;
import org.attune.tensor.Shape;
import org.attune.tensor.io.TensorFile;

/**
 * Named weights in a file of any format. Reading gives an array of its own to each call.
 *
 * @param source what to call the file in messages
 * @param names the weights' names in the file's order
 * @param shape of a weight
 * @param floats the elements of a weight, row-major
 */
public record WeightFile(
        String source, Set<String> names, Function<String, Shape> shape, Function<String, float[]> floats) {

    /** @param file stays open as long as the weights are read */
    public static WeightFile of(String source, TensorFile file) {
        return new WeightFile(source, file.names(), file::shape, file::floats);
    }

    public static WeightFile of(String source, OnnxWeights weights) {
        return new WeightFile(source, weights.names(), weights::shape, weights::floats);
    }
}
