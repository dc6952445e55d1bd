package org.attune.trial;

import java.nio.file.Path;
import org.osgi.annotation.versioning.ProviderType;

/** Writes models in formats of others; a service of the kernel. */
@ProviderType
public interface ModelExport {
    /**
     * @param source a model as a spec names it; what a run has trained is merged first ({@link ModelMerge})
     * @param base the folder that relative paths start from
     * @param format such as {@code gguf}
     * @param type of the weights, such as {@code q8_0}
     * @param to must not exist yet; it appears when it is whole
     * @throws org.attune.plugin.UserError if there is no such model, format or type, or the model has no place in the format
     */
    void export(String source, Path base, String format, String type, Path to);
}
