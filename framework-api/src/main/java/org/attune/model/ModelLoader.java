package org.attune.model;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.attune.tensor.engine.TensorEngine;
import org.osgi.annotation.versioning.ConsumerType;

/** Makes models from where they are kept. A service with the property {@code attune.name}. */
@ConsumerType
public interface ModelLoader {
    /**
     * The model at {@code source}, its weights in {@code engine}'s memory; empty where this loader does not know the kind of
     * source.
     *
     * @param source {@code maven:group:artifact[:version]}, {@code hf:org/name[@revision]}, or a path to a Hugging Face folder
     * @param base the folder that relative paths start from
     * @param form how the weights are held
     * @throws org.attune.plugin.UserError if the source is of this loader's kind, but is missing, broken or not supported
     */
    Optional<Model> load(String source, Path base, TensorEngine engine, WeightForm form);

    /**
     * The files that stand beside the weights in a Hugging Face folder, by name: {@code config.json}, {@code tokenizer.json} and
     * what else describes the model. Empty where the loader does not know the source, or has no such files.
     */
    default Optional<Map<String, byte[]>> files(String source, Path base) {
        return Optional.empty();
    }

    /**
     * Makes a model that knows nothing yet, as a folder that {@link #load} reads: its configuration, a tokenizer trained on texts, and
     * random weights.
     *
     * @param folder is made; what an earlier attempt left there is written over
     * @return whether this loader makes models
     * @throws org.attune.plugin.UserError if the plan asks for what no family supports
     */
    default boolean create(NewModel plan, Iterable<String> texts, Path folder) {
        return false;
    }
}
