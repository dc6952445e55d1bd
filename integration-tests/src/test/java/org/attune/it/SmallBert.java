package org.attune.it;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.Families;
import org.attune.models.ModelConfig;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;

/** A BERT of two layers, 32 wide, with random weights and dropout. */
final class SmallBert {
    static final int VOCABULARY = 60;
    static final int POSITIONS = 64;

    private static final String CONFIG = """
            {"model_type": "bert", "vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
             "intermediate_size": 64, "max_position_embeddings": 64, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
             "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.0,
             "classifier_dropout": null, "is_decoder": false, "id2label": {"0": "A"}}
            """;
    private static final String TOKENIZER = """
            {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
             "post_processor": null, "decoder": null,
             "model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0, "b": 1}}}
            """;

    private SmallBert() {}

    static Model load(Path folder, TensorEngine engine) throws IOException {
        Files.writeString(folder.resolve("config.json"), CONFIG);
        Files.writeString(folder.resolve("tokenizer.json"), TOKENIZER);
        SplittableRandom random = new SplittableRandom(5);
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        Families.read(ModelConfig.parse("config.json", CONFIG.getBytes(StandardCharsets.UTF_8)))
                .modules()
                .weights()
                .forEach((name, shape) -> {
                    float[] elements = new float[(int) shape.size()];
                    for (int i = 0; i < elements.length; i++) {
                        elements[i] =
                                (float) (0.4 * random.nextDouble() - 0.2) + (name.endsWith("LayerNorm.weight") ? 1 : 0);
                    }
                    weights.put(name, HostTensor.of(shape, elements));
                });
        TensorFiles.write(folder.resolve("model.safetensors"), weights, Map.of());
        return new FolderModelLoader()
                .load(folder.toString(), folder, engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow();
    }
}
