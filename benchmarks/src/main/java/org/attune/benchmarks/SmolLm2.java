package org.attune.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.attune.models.Families;
import org.attune.models.ModelConfig;
import org.attune.tensor.Shape;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;
import org.attune.training.Sample;

/** The shape of SmolLM2-135M with random weights, and random texts to go with it. */
final class SmolLm2 {
    private static final int VOCABULARY = 49152;

    private static final String CONFIG = """
            {"model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "num_hidden_layers": 30,
             "num_attention_heads": 9, "num_key_value_heads": 3, "intermediate_size": 1536,
             "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 100000.0,
             "tie_word_embeddings": true}
            """;

    private static final String TOKENIZER = """
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
             "pre_tokenizer": null, "post_processor": null, "decoder": null,
             "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}
            """;

    private SmolLm2() {}

    /** Writes a model folder. Weights of one shape are equal in all layers: it is about their size, and spares memory. */
    static void write(Path folder) throws IOException {
        Files.writeString(folder.resolve("config.json"), CONFIG);
        Files.writeString(folder.resolve("tokenizer.json"), TOKENIZER);
        SplittableRandom random = new SplittableRandom(7);
        Map<Shape, HostTensor> byShape = new HashMap<>();
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        Families.read(ModelConfig.parse("config.json", Files.readAllBytes(folder.resolve("config.json"))))
                .modules()
                .weights()
                .forEach((name, shape) ->
                        weights.put(name, byShape.computeIfAbsent(shape, s -> HostTensor.of(s, elements(s, random)))));
        TensorFiles.write(folder.resolve("model.safetensors"), weights, Map.of("format", "pt"));
    }

    /** Ones for a norm; matrices uniform with the standard deviation that PyTorch gives them, 0.02. */
    private static float[] elements(Shape shape, SplittableRandom random) {
        float[] elements = new float[Math.toIntExact(shape.size())];
        if (shape.rank() == 1) {
            Arrays.fill(elements, 1);
            return elements;
        }
        for (int i = 0; i < elements.length; i++) {
            elements[i] = 0.07f * (float) (random.nextDouble() - 0.5);
        }
        return elements;
    }

    /** Texts all of whose tokens but the first are predicted. */
    static List<Sample> samples(int batch, int length) {
        SplittableRandom random = new SplittableRandom(3);
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            int[] ids = random.ints(length, 5, VOCABULARY).toArray();
            samples.add(new Sample(i, ids, new int[length], ids));
        }
        return samples;
    }
}
