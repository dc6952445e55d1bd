package org.attune.kernel.merge;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.kernel.run.AdapterFolder;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Wiring;
import org.attune.model.AttachPoint;
import org.attune.model.LinearMap;
import org.attune.model.LinearTransform;
import org.attune.model.Model;
import org.attune.model.OutputTransform;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;

/** A model's weights with what its adapters do in them, and its trained head. */
public final class MergedWeights {
    private final Model model;
    private final ParameterStore parameters;
    private final Wiring wiring;

    public MergedWeights(Model model, ParameterStore parameters, Wiring wiring) {
        this.model = model;
        this.parameters = parameters;
        this.wiring = wiring;
    }

    /**
     * Writes a safetensors file, float32, under the names and in the layout of the model's family.
     *
     * @return how many of the base model's weights have other values in it
     * @throws UserError if an adapter cannot be merged
     */
    int write(Path file, TensorEngine engine) {
        return Scope.inference(engine, () -> {
            Map<String, Tensor> weights = all();
            Map<String, HostTensor> tensors = new LinkedHashMap<>();
            weights.forEach((name, t) ->
                    tensors.put(name, model.transposedInFiles(name) ? HostTensor.transposed(t) : HostTensor.single(t)));
            TensorFiles.write(file, tensors, Map.of("format", "pt"));
            return (int) model.weights().entrySet().stream()
                    .filter(e -> weights.get(e.getKey()) != e.getValue())
                    .count();
        });
    }

    /**
     * The base model's weights that adapters have changed, of the base's types, without its head for classes, which is the trainer's;
     * the caller closes them.
     *
     * @throws UserError if an adapter cannot be merged
     */
    public Map<String, Tensor> changed(TensorEngine engine) {
        return Scope.inference(engine, () -> {
            Map<String, Tensor> weights = all();
            Map<String, Tensor> changed = new LinkedHashMap<>();
            model.weights().forEach((name, base) -> {
                Tensor own = weights.get(name);
                if (own != base && !AdapterFolder.inHead(name, model)) {
                    changed.put(name, own.to(base.dtype()).keep());
                }
            });
            return changed;
        });
    }

    private Map<String, Tensor> all() {
        Map<String, Tensor> weights = new LinkedHashMap<>(model.weights());
        parameters.all().forEach((name, t) -> {
            if (weights.containsKey(name) || AdapterFolder.inHead(name, model)) {
                weights.put(name, t);
            }
        });
        wiring.prefixed().forEach(path -> {
            throw new UserError("an adapter puts keys and values before those of '" + path
                    + "', which cannot be merged into a weight");
        });
        if (wiring.virtualIds().length > 0) {
            throw new UserError(
                    "an adapter puts virtual tokens before each text, which cannot be merged into a weight");
        }
        for (AttachPoint point : model.attachPoints()) {
            merge(point, weights);
        }
        return weights;
    }

    private void merge(AttachPoint point, Map<String, Tensor> weights) {
        String path = point.path();
        String weight = path + ".weight";
        for (OutputTransform transform : wiring.outputs(path)) {
            Optional<Tensor> table = point.kind() == AttachPoint.Kind.EMBEDDING
                    ? transform.merged(weights.get(weight))
                    : Optional.empty();
            weights.put(
                    weight,
                    table.orElseThrow(() -> new UserError(
                            "an adapter acts on the output of '" + path + "', which cannot be merged into a weight")));
        }
        if (!wiring.residuals(path).isEmpty()) {
            throw new UserError("an adapter adds to what '" + path + "' gives, which cannot be merged into a weight");
        }
        List<LinearTransform> transforms = wiring.linear(path);
        if (transforms.isEmpty()) {
            return;
        }
        String tied = model.tied().get(weight);
        if (tied == null) {
            LinearMap map = merged(path, transforms, new LinearMap(weights.get(weight), weights.get(path + ".bias")));
            weights.put(weight, map.weight());
            if (map.bias() != null) {
                weights.put(path + ".bias", map.bias());
            }
            return;
        }
        Tensor own = merged(path, transforms, new LinearMap(model.weights().get(tied), null))
                .weight();
        if (!Arrays.equals(own.toFloats(), weights.get(tied).toFloats())) {
            throw new UserError("an adapter acts on '" + path + "', whose weight is tied to " + tied
                    + ": merging would change that too");
        }
    }

    private static LinearMap merged(String path, List<LinearTransform> transforms, LinearMap base) {
        LinearMap map = base;
        for (LinearTransform transform : transforms) {
            map = transform
                    .merged(map, base)
                    .orElseThrow(() -> new UserError(
                            "the adapter at '" + path + "' cannot be merged: no single linear map does the same"));
        }
        return map;
    }
}
