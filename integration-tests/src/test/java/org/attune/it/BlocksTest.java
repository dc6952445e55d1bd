package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.attune.kernel.merge.Exports;
import org.attune.kernel.plugins.ModelPool;
import org.attune.models.gguf.GgufExporter;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.TensorFile;
import org.attune.testkit.Golden;
import org.attune.trial.ModelMerge;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs over a base model whose matrices stay in the blocks of its GGUF file. */
class BlocksTest {
    private static final Map<String, String> BLOCKS = Map.of("weights", "blocks");

    @TempDir
    private Path folder;

    private final TensorEngine engine = new CpuEngine();
    private SmallRuns runs;
    private Path gguf;

    @BeforeEach
    void makeAFile() {
        gguf = folder.resolve("llama.gguf");
        runs = new SmallRuns(folder, engine);
        try (ModelPool pool = new ModelPool()) {
            pool.add(new FolderModelLoader());
            Path model = Golden.path("models/llama").toAbsolutePath().normalize();
            new Exports(new SmallRuns.OneEngine(engine), pool, List.of(new GgufExporter()))
                    .export(model.toString(), folder, "gguf", "q8_0", gguf);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{name: lora, rank: 4, targets: [q_proj, down_proj]}", "{name: full}"})
    void whatIsTrainedOnBlocksIsWhatIsTrainedOnTheDecodedNumbers(String adapters) throws Exception {
        Path decoded = runs.train(gguf, false, adapters);
        Path blocks = runs.train(gguf, "causal-lm", adapters, BLOCKS);
        assertThat(Files.readString(blocks.resolve("spec.yaml"))).contains("\nweights: blocks\n");
        try (TensorFile expected = TensorFile.open(decoded.resolve("adapter/adapter_model.safetensors"));
                TensorFile found = TensorFile.open(blocks.resolve("adapter/adapter_model.safetensors"))) {
            assertThat(found.names()).isEqualTo(expected.names());
            double difference = 0;
            double largest = 0;
            for (String name : expected.names()) {
                float[] a = expected.floats(name);
                float[] b = found.floats(name);
                for (int i = 0; i < a.length; i++) {
                    difference = Math.max(difference, Math.abs(a[i] - b[i]));
                    largest = Math.max(largest, Math.abs(a[i]));
                }
            }
            assertThat(difference).isLessThan(1e-3 * largest);
        }
        assertThat(engine.stats().liveBytes()).isZero();
    }

    /** A merged model is float32: what was in blocks is decoded. */
    @Test
    void anAdapterTrainedOnBlocksIsMerged() throws Exception {
        Path run = runs.train(gguf, "causal-lm", "{name: lora, rank: 4, targets: [q_proj, down_proj]}", BLOCKS);
        try (ModelPool pool = new ModelPool()) {
            ModelMerge.Outcome outcome = runs.merger(pool).merge(run, folder.resolve("merged"));
            assertThat(outcome.changed()).isEqualTo(4);
            assertThat(outcome.difference()).isLessThan(1e-4 * outcome.largest());
        }
        assertThat(engine.stats().liveBytes()).isZero();
    }

    @Test
    void whatHasNoBlocksIsRefused() {
        Path model = Golden.path("models/llama").toAbsolutePath().normalize();
        assertThatThrownBy(() -> runs.train(model, "causal-lm", "{name: full}", BLOCKS))
                .hasMessageContaining("no matrix of this model lies in blocks")
                .hasMessageContaining("leave out weights: blocks");
    }
}
