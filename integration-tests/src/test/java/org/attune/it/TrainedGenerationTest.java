package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.generation.Decoding;
import org.attune.generation.Generation;
import org.attune.generation.Generator;
import org.attune.kernel.generation.GenerationService;
import org.attune.kernel.plugins.Engines;
import org.attune.kernel.plugins.ModelPool;
import org.attune.model.Model;
import org.attune.models.source.FolderModelLoader;
import org.attune.peft.Lora;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Generation by models that something was trained on. */
class TrainedGenerationTest {
    private static final int[] PROMPT = {3, 1, 4};
    private static final String POINT = "model.layers.1.mlp.down_proj";
    private static final String CONFIG = """
            {"peft_type": "%s", "r": 1, "lora_alpha": 1, "target_modules": ["layers.1.mlp.down_proj"], "lora_dropout": 0.0,
             "bias": "none", "base_model_name_or_path": "%s", "task_type": "CAUSAL_LM", "fan_in_fan_out": false}
            """;

    @TempDir
    Path folder;

    private final TensorEngine engine = new ReferenceEngine();
    private final ModelPool pool = new ModelPool();
    private GenerationService generation;
    private Path base;

    @BeforeEach
    void makeABaseModel() throws IOException {
        base = Files.createDirectory(folder.resolve("base"));
        SmallDecoder.LLAMA.load(base, engine, engine.dtype()).close();
        pool.add(new FolderModelLoader());
        generation = new GenerationService(
                new ClassPathPlugins().with("lora", new Lora()),
                new Engines() {
                    @Override
                    public Optional<TensorEngine> find(String name) {
                        return Optional.of(engine).filter(e -> e.name().equals(name));
                    }

                    @Override
                    public List<TensorEngine> list() {
                        return List.of(engine);
                    }
                },
                pool);
    }

    @AfterEach
    void close() {
        generation.close();
        pool.close();
    }

    private Generation.Source source(Optional<String> model, Optional<Path> trained) {
        return source(model, trained, Map.of());
    }

    private Generation.Source source(Optional<String> model, Optional<Path> trained, Map<String, Boolean> adapters) {
        return new Generation.Source(
                model, trained, folder, "reference", Optional.empty(), Optional.empty(), 2, adapters);
    }

    private int[] greedy(Optional<String> model, Optional<Path> trained) {
        return greedy(source(model, trained));
    }

    private int[] greedy(Generation.Source source) {
        try (Generator generator = generation.open(source)) {
            return generator
                    .generate(List.of(PROMPT), Decoding.greedy(20))
                    .get(0)
                    .ids();
        }
    }

    /** An update of rank 1 by {@code b a^T}. */
    private Path adapter(String type, float[] a, float[] b) throws IOException {
        Path adapter = Files.createDirectories(folder.resolve("adapter"));
        Files.writeString(adapter.resolve("adapter_config.json"), CONFIG.formatted(type, base));
        String prefix = "base_model.model." + POINT;
        TensorFiles.write(
                adapter.resolve("adapter_model.safetensors"),
                Map.of(
                        prefix + ".lora_A.weight", HostTensor.of(Shape.of(1, a.length), a),
                        prefix + ".lora_B.weight", HostTensor.of(Shape.of(b.length, 1), b)),
                Map.of("format", "pt"));
        return adapter;
    }

    private static float[] numbers(int n, double scale) {
        float[] numbers = new float[n];
        for (int i = 0; i < n; i++) {
            numbers[i] = (float) (scale * Math.sin(i + 1));
        }
        return numbers;
    }

    /** The base model with the update added to its weight. */
    private Path merged(float[] a, float[] b) throws IOException {
        Path merged = Files.createDirectory(folder.resolve("merged"));
        try (Model model = SmallDecoder.LLAMA.load(merged, engine, engine.dtype())) {
            Map<String, HostTensor> weights = new LinkedHashMap<>();
            model.weights().forEach((name, weight) -> {
                float[] elements = weight.toFloats();
                if (name.equals(POINT + ".weight")) {
                    for (int i = 0; i < elements.length; i++) {
                        elements[i] += b[i / a.length] * a[i % a.length];
                    }
                }
                weights.put(name, HostTensor.of(weight.shape(), elements));
            });
            TensorFiles.write(merged.resolve("model.safetensors"), weights, Map.of());
        }
        return merged;
    }

    @Test
    void anAdapterGeneratesWhatTheMergedModelDoes() throws IOException {
        float[] a = numbers(48, 1.5);
        float[] b = numbers(32, 1.5);
        int[] adapted = greedy(Optional.empty(), Optional.of(adapter("LORA", a, b)));
        assertThat(adapted)
                .isEqualTo(greedy(Optional.of(merged(a, b).toString()), Optional.empty()))
                .isNotEqualTo(greedy(Optional.of("base"), Optional.empty()));
    }

    @Test
    void anAdapterCanBeLeftOut() throws IOException {
        Optional<Path> adapter = Optional.of(adapter("LORA", numbers(48, 1.5), numbers(32, 1.5)));
        assertThat(greedy(source(Optional.empty(), adapter, Map.of("lora", false))))
                .isEqualTo(greedy(Optional.of("base"), Optional.empty()))
                .isNotEqualTo(greedy(source(Optional.empty(), adapter, Map.of("lora", true))));
        assertThatThrownBy(() -> generation.open(source(Optional.empty(), adapter, Map.of("loro", false))))
                .isInstanceOf(UserError.class)
                .hasMessage(adapter.get() + ": has no adapter 'loro'; it has lora");
        assertThat(pool.list()).allMatch(model -> model.users() == 0);
    }

    @Test
    void adaptersThatNothingHereAppliesAreRefused() throws IOException {
        Path unknown = adapter("IA3", numbers(48, 1), numbers(32, 1));
        assertThatThrownBy(() -> generation.open(source(Optional.empty(), Optional.of(unknown))))
                .isInstanceOf(UserError.class)
                .hasMessage(unknown + ": no adapter reads peft_type IA3");
        assertThatThrownBy(() -> generation.open(source(Optional.of("base"), Optional.of(base))))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("adapter_config.json");
        assertThat(pool.list()).allMatch(model -> model.users() == 0);
    }

    @Test
    void aModelMustBeNamed() {
        assertThatThrownBy(() -> generation.open(source(Optional.empty(), Optional.empty())))
                .isInstanceOf(UserError.class)
                .hasMessage("no model is named, and no run folder that says which; name one");
    }

    @Test
    void anEngineThatLeavesEndsItsGenerators() {
        Generator generator = generation.open(source(Optional.of("base"), Optional.empty()));
        generation.engineLeaves(engine);
        assertThatThrownBy(() -> generator.generate(List.of(PROMPT), Decoding.greedy(1)))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("was closed");
        assertThat(pool.list()).allMatch(model -> model.users() == 0);
        generator.close(); // twice is harmless
    }
}
