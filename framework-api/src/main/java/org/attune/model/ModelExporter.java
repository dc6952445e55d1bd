package org.attune.model;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.osgi.annotation.versioning.ConsumerType;

/** Writes models in a format of others. A service. */
@ConsumerType
public interface ModelExporter {
    /** The format's name in commands: {@code gguf}. */
    String format();

    /** The types that it holds weights in, as commands name them: {@code f16}. */
    List<String> types();

    /**
     * Writes one.
     *
     * @param name of the model, for people
     * @param files what stands beside the weights; see {@link ModelLoader#files}
     * @param type one of {@link #types}
     * @throws org.attune.plugin.UserError if the format has no place for such a model, or the file cannot be written
     */
    void export(Model model, String name, Map<String, byte[]> files, String type, Path file);
}
