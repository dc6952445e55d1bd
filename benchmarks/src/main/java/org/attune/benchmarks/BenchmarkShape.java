package org.attune.benchmarks;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.Architecture;
import org.attune.models.Families;
import org.attune.models.ModelConfig;
import org.attune.models.PretrainedTokenizer;
import org.attune.models.TransformerModel;
import org.attune.models.WeightFile;
import org.attune.tensor.DType;
import org.attune.tensor.Shape;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.FloatBlocks;
import org.attune.training.Sample;

/**
 * A real model's shape with random weights, and a batch of random tokens: what a step costs does not depend on them.
 *
 * @param batch sequences, unless said otherwise
 * @param length tokens a sequence, unless said otherwise
 * @param lora options of the adapter
 * @param languageModel whether the loss is over all tokens rather than over a class for each sequence
 */
record BenchmarkShape(
        Architecture architecture, int batch, int length, Map<String, Object> lora, boolean languageModel) {
    static final int CLASSES = 26;

    /** The encoder of all-MiniLM-L6-v2. */
    private static final String MINILM = """
            {"model_type": "bert", "vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6,
             "num_attention_heads": 12, "intermediate_size": 1536, "max_position_embeddings": 512,
             "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
             "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
            """;

    /** SmolLM2-135M, a Llama. */
    private static final String SMOLLM2 = """
            {"model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "num_hidden_layers": 30,
             "num_attention_heads": 9, "num_key_value_heads": 3, "intermediate_size": 1536,
             "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "hidden_act": "silu",
             "rope_theta": 100000.0, "tie_word_embeddings": true}
            """;

    private static final String TOKENIZER = """
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
             "pre_tokenizer": null, "post_processor": null, "decoder": null,
             "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}
            """;

    static BenchmarkShape of(String name) {
        return switch (name) {
            case "minilm" ->
                new BenchmarkShape(
                        architecture(MINILM),
                        32,
                        128,
                        Map.of("rank", 8, "alpha", 16, "targets", List.of("query", "value")),
                        false);
            case "smollm2" ->
                new BenchmarkShape(
                        architecture(SMOLLM2),
                        4,
                        256,
                        Map.of("rank", 16, "alpha", 32, "targets", List.of("all-linear")),
                        true);
            default -> throw new IllegalArgumentException("shape=" + name + "; there are minilm and smollm2");
        };
    }

    private static Architecture architecture(String config) {
        return Families.read(ModelConfig.parse("random", config.getBytes(StandardCharsets.UTF_8)));
    }

    /** @param matrices the type of its weights of rank 2 */
    Model model(TensorEngine engine, DType matrices) {
        return TransformerModel.create(
                architecture,
                "random",
                PretrainedTokenizer.read("random", TOKENIZER.getBytes(StandardCharsets.UTF_8)),
                randomWeights(),
                engine,
                WeightForm.decoded(matrices));
    }

    private WeightFile randomWeights() {
        Map<String, Shape> shapes = new LinkedHashMap<>(architecture.modules().weights());
        shapes.keySet().removeAll(architecture.tied().keySet());
        return new WeightFile() {
            @Override
            public String source() {
                return "random";
            }

            @Override
            public Set<String> names() {
                return shapes.keySet();
            }

            @Override
            public Shape shape(String name) {
                return shapes.get(name);
            }

            @Override
            public void read(String name, FloatBlocks blocks) {
                float[] values = values(name, Math.toIntExact(shape(name).size()));
                blocks.accept(values, values.length);
            }
        };
    }

    /** Of about the size that a fresh model has; one for normalisations. */
    private static float[] values(String weight, int size) {
        SplittableRandom random = new SplittableRandom(weight.hashCode());
        boolean norm = weight.toLowerCase(Locale.ROOT).contains("norm") && weight.endsWith(".weight");
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = norm ? 1 : 0.07f * (float) (random.nextDouble() - 0.5);
        }
        return values;
    }

    /** Labelled with a class each, or with their own tokens for a language model. */
    List<Sample> samples(int batch, int length) {
        SplittableRandom random = new SplittableRandom(3);
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            int[] ids = random.ints(length, 5, architecture.vocabulary()).toArray();
            int[] labels = languageModel ? ids : new int[] {random.nextInt(CLASSES)};
            samples.add(new Sample(i, ids, new int[length], labels));
        }
        return samples;
    }
}
