package org.attune.trial;

import java.nio.file.Path;
import org.osgi.annotation.versioning.ProviderType;

/** Merges what a run has trained into its base model; a service of the kernel. */
@ProviderType
public interface ModelMerge {
    /** The largest difference of logits allowed between the model with adapters and the merged one, relative to the largest logit. */
    double TOLERANCE = 1e-4;

    /**
     * Writes a Hugging Face folder: {@code config.json}, {@code model.safetensors} in float32, the tokenizer's files. It appears
     * under its name only after it has been read again and its logits on a probe batch were those of the model with adapters.
     *
     * @param run the folder of a completed run
     * @param to must not exist yet
     * @throws org.attune.plugin.UserError if the run has no adapter, one of its adapters cannot be merged, or the logits differ by
     *     more than {@link #TOLERANCE}
     */
    Outcome merge(Path run, Path to);

    /**
     * A merged model.
     *
     * @param changed weights of the base model that have other values in it
     * @param difference the largest difference of a logit on the probe batch
     * @param largest the largest magnitude of a logit there
     */
    record Outcome(Path folder, int changed, double difference, double largest) {}
}
