package org.attune.trial;

import java.nio.file.Path;
import java.util.List;
import org.attune.training.Weighting;
import org.osgi.annotation.versioning.ProviderType;

/** Makes one saved adapter of several; a service of the kernel. */
@ProviderType
public interface AdapterCombination {
    /**
     * Writes an adapter in PEFT's form, for the base model of the others.
     *
     * @param adapters of one method and one base model
     * @param to the folder to make; must not exist yet
     * @throws org.attune.plugin.UserError if a folder holds no adapter, or these cannot be combined in this way
     */
    Outcome combine(List<Weighted> adapters, Weighting.Way way, Path to);

    /** @param folder an adapter's, or a run's */
    record Weighted(Path folder, double weight) {}

    /** @param parameters how many numbers the adapter has */
    record Outcome(Path folder, long parameters) {}
}
