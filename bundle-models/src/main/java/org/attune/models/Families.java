package org.attune.models;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.attune.models.bert.Bert;
import org.attune.models.bert.BertConfig;
import org.attune.models.decoder.Gpt2;
import org.attune.models.decoder.Llama;
import org.attune.models.decoder.Mistral;
import org.attune.models.decoder.Qwen2;

/** The model families, by the names that configurations give them. */
public final class Families {
    private static final Map<String, Function<ModelConfig, Architecture>> BY_MODEL_TYPE = new TreeMap<>(Map.of(
            "bert", config -> new Bert(BertConfig.of(config)),
            "gpt2", Gpt2::read,
            "llama", Llama::read,
            "mistral", Mistral::read,
            "qwen2", Qwen2::read));

    private Families() {}

    /**
     * The architecture that a config.json describes.
     *
     * @throws org.attune.plugin.UserError if its {@code model_type} is no family that is known, or it asks for what the family
     *     does not support
     */
    public static Architecture read(ModelConfig config) {
        Function<ModelConfig, Architecture> family = BY_MODEL_TYPE.get(config.text("model_type"));
        if (family == null) {
            throw config.invalid("model_type", "one of the supported: " + String.join(", ", BY_MODEL_TYPE.keySet()));
        }
        return family.apply(config);
    }
}
