package org.attune.models.gguf;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.Architecture;
import org.attune.models.Families;
import org.attune.models.Fingerprint;
import org.attune.models.ModelConfig;
import org.attune.models.PretrainedTokenizer;
import org.attune.models.TransformerModel;
import org.attune.models.chat.ChatFiles;
import org.attune.tensor.engine.TensorEngine;

/** Makes a model of a GGUF file, which holds all that a Hugging Face folder does. */
public final class GgufModel {
    private GgufModel() {}

    /**
     * @param form how the weights are held
     * @throws org.attune.plugin.UserError if the file is broken, or asks for what is not supported
     */
    public static Model load(Path path, TensorEngine engine, WeightForm form) {
        try (GgufFile file = GgufFile.open(path)) {
            GgufArchitecture architecture = GgufArchitectures.of(file.metadata());
            ModelConfig config = ModelConfig.of(path.toString(), architecture.config(file));
            Architecture family = Families.read(config);
            String fingerprint = new Fingerprint().add(path).text();
            PretrainedTokenizer tokenizer =
                    PretrainedTokenizer.read(path.toString(), GgufTokenizer.json(file.metadata()));
            return TransformerModel.create(
                    family,
                    fingerprint,
                    tokenizer,
                    t -> ChatFiles.of(
                            config, ModelConfig.of(path.toString(), GgufTokenizer.config(file.metadata())), t),
                    new GgufWeights(file, architecture),
                    engine,
                    form);
        }
    }

    /** What describes the model in a Hugging Face folder, by name: config.json, tokenizer.json, tokenizer_config.json. */
    public static Map<String, byte[]> files(Path path) {
        try (GgufFile file = GgufFile.open(path)) {
            GgufMetadata metadata = file.metadata();
            return Map.of(
                    "config.json", bytes(GgufArchitectures.of(metadata).config(file)),
                    "tokenizer.json", GgufTokenizer.json(metadata),
                    "tokenizer_config.json", bytes(GgufTokenizer.config(metadata)));
        }
    }

    private static byte[] bytes(ObjectNode json) {
        return json.toPrettyString().getBytes(StandardCharsets.UTF_8);
    }
}
