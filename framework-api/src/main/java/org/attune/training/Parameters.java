package org.attune.training;

import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.osgi.annotation.versioning.ProviderType;

/**
 * A trial's own tensors, kept by the kernel and named as in a Hugging Face state dictionary. Asking again for a name,
 * after a plug-in was swapped or a run resumed, gives the same tensor with its trained value and its optimiser state.
 */
@ProviderType
public interface Parameters {
    /**
     * The parameter {@code name}, made at the first call.
     *
     * @param name a module path and a suffix ({@code bert.encoder.layer.0.attention.self.query.lora_A.weight})
     * @throws org.attune.plugin.UserError if it exists with another shape
     */
    Tensor parameter(String name, Shape shape, Initializer initializer);

    /**
     * A tensor that is kept and saved with the parameters, but not trained: drawn at random once, say.
     *
     * @throws org.attune.plugin.UserError if it exists with another shape
     */
    Tensor frozen(String name, Shape shape, Initializer initializer);

    /**
     * What a method remembers from step to step, such as averages: zero at first; kept in checkpoints, but not saved with what was
     * trained. It may be asked for during a step too, so that what only training needs takes no room elsewhere.
     *
     * @throws org.attune.plugin.UserError if it exists with another shape
     */
    Tensor state(String name, Shape shape);

    /**
     * A constant that follows from the base model and the options: neither trained nor saved, but made again where a run is resumed
     * or what it saved is loaded. The trial keeps it, so a plug-in that was swapped finds it.
     *
     * @throws org.attune.plugin.UserError if it exists with another shape
     */
    Tensor derived(String name, Shape shape, Initializer initializer);

    /**
     * Makes a weight of the base model trainable for this trial: its own copy takes the shared one's place.
     *
     * @throws org.attune.plugin.UserError if the model has no such weight
     */
    Tensor train(String weight);
}
