package org.attune.models;

import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;

/** The model families, by the names that configurations give them. */
public final class Families {
    private static final Map<String, Family> BY_MODEL_TYPE = new TreeMap<>();

    static {
        ServiceLoader.load(Family.class, Families.class.getClassLoader())
                .forEach(family -> BY_MODEL_TYPE.put(family.modelType(), family));
    }

    private Families() {}

    /**
     * The architecture that a config.json describes.
     *
     * @throws org.attune.plugin.UserError if its {@code model_type} is no family that is known, or it asks for what the family
     *     does not support
     */
    public static Architecture read(ModelConfig config) {
        Family family = BY_MODEL_TYPE.get(config.text("model_type"));
        if (family == null) {
            throw config.invalid("model_type", "one of the supported: " + String.join(", ", BY_MODEL_TYPE.keySet()));
        }
        return family.read(config);
    }
}
