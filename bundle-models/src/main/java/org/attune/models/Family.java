package org.attune.models;

/**
 * A family of models: what makes an {@link Architecture} of a configuration. A new one is a class of its own, named in
 * {@code META-INF/services/org.attune.models.Family}.
 */
public interface Family {
    /** What configurations call it: their {@code model_type}. */
    String modelType();

    /** @throws org.attune.plugin.UserError if a value is missing, out of range, or asks for what is not supported */
    Architecture read(ModelConfig config);
}
