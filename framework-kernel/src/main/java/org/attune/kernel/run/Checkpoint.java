package org.attune.kernel.run;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.io.ElementType;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFile;

/**
 * A checkpoint whose checksums were right when it was found. The tensors stay in the file until asked for.
 *
 * @param position how far the run had come
 * @param tensors its safetensors file
 */
public record Checkpoint(Position position, Path tensors) {
    /** The tensors' names. */
    public Set<String> names() {
        try (TensorFile file = TensorFile.open(tensors)) {
            return new LinkedHashSet<>(file.names());
        }
    }

    /**
     * The tensors whose names begin with {@code prefix}, by the rest of their names, in the order written. Exact, whether they
     * were float32 or float64.
     */
    public Map<String, double[]> values(String prefix) {
        Map<String, double[]> values = new LinkedHashMap<>();
        try (TensorFile file = TensorFile.open(tensors)) {
            for (String name : file.names()) {
                if (name.startsWith(prefix)) {
                    values.put(name.substring(prefix.length()), file.doubles(name));
                }
            }
        }
        return values;
    }

    /**
     * Puts the checkpoint's values into live tensors; those which the checkpoint has besides are left out.
     *
     * @throws UserError if one of {@code into} is not in the checkpoint, or there with another shape or element type; it lists
     *     the differences, and nothing is changed
     */
    public void load(Map<String, Tensor> into) {
        try (TensorFile file = TensorFile.open(tensors)) {
            List<String> differences = new ArrayList<>();
            into.forEach((name, tensor) -> {
                if (!file.names().contains(name)) {
                    differences.add(name + " is not in it");
                    return;
                }
                Shape shape = file.shape(name);
                ElementType type = file.type(name);
                ElementType expected = HostTensor.exact(tensor).type();
                if (!shape.equals(tensor.shape())) {
                    differences.add(name + " is " + shape + ", expected " + tensor.shape());
                } else if (type != expected) {
                    differences.add(name + " is " + type + ", expected " + expected);
                }
            });
            if (!differences.isEmpty()) {
                throw new UserError(tensors + ": not of this trial: " + String.join("; ", differences));
            }
            into.forEach((name, tensor) -> {
                if (file.type(name) == ElementType.F64) {
                    tensor.set(file.doubles(name));
                } else {
                    tensor.set(file.floats(name));
                }
            });
        }
    }
}
