package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.generation.Generation;
import org.attune.kernel.generation.GenerationService;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.replay.Replayer;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.model.Weights;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.Tensor;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.TensorFile;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.attune.trial.Catalogue;
import org.attune.trial.ModelMerge;
import org.attune.trial.TraceReplay;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Adapters over a base model that is quantised when it is loaded. */
class QuantisedTest {
    private static final List<TensorEngine> ENGINES = List.of(new ReferenceEngine(), new CpuEngine());

    @TempDir
    private Path folder;

    private final TensorEngine engine = new CpuEngine();

    /** With double quantisation torch sums a mean in float32, in an order of its own. */
    @ParameterizedTest
    @CsvSource({"qlora-nf4, NF4_SINGLE, 0", "qlora-nf4-dq, NF4, 1e-7"})
    void theBaseAndEveryNumberOfTheTraceAreThoseOfBitsandbytes(String trace, Weights weights, double tolerance) {
        Path golden = Golden.path("quant/" + trace);
        for (TensorEngine each : ENGINES) {
            try (Model model = load("llama", each, weights);
                    TensorFile base = TensorFile.open(golden.resolve("base.safetensors"))) {
                assertThat(base.names()).hasSize(2);
                for (String name : base.names()) {
                    assertThat(model.weights().get(name).toDoubles())
                            .as(name)
                            .containsExactly(base.doubles(name), within(tolerance));
                }
            }
            try (ModelPool pool = new ModelPool()) {
                pool.add(new FolderModelLoader());
                SmallRuns runs = new SmallRuns(folder, each);
                TraceReplay.Outcome outcome =
                        new Replayer(runs.plugins, new SmallRuns.OneEngine(each), pool).replay(golden, each.name());
                assertThat(outcome.passed()).as("%s", outcome).isTrue();
                assertThat(outcome.steps()).isEqualTo(8);
            }
        }
    }

    /** GPT-2's files hold matrices turned, which are quantised as the model has them. */
    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2", "bert", "qwen2"})
    void onlyMatricesInsideTheLayersAreQuantised(String name) {
        try (Model decoded = load(name, engine, Weights.DECODED);
                Model quantised = load(name, engine, Weights.NF4)) {
            assertThat(quantised.fingerprint()).isEqualTo(decoded.fingerprint());
            long changed = 0;
            for (Map.Entry<String, Tensor> e : decoded.weights().entrySet()) {
                double[] exact = e.getValue().toDoubles();
                double[] found = quantised.weights().get(e.getKey()).toDoubles();
                assertThat(quantised.weights().get(e.getKey()).shape())
                        .isEqualTo(e.getValue().shape());
                if (!Arrays.equals(exact, found)) {
                    changed++;
                    assertThat(e.getKey()).matches(".*\\.\\d\\..*\\.weight");
                    double largest = Arrays.stream(exact).map(Math::abs).max().orElseThrow();
                    for (int i = 0;
                            i < exact.length;
                            i++) { // half the widest gap between two codes, and absmax's own error
                        assertThat(Math.abs(exact[i] - found[i])).isLessThan(0.2 * largest);
                    }
                }
            }
            assertThat(changed)
                    .isEqualTo(decoded.weights().keySet().stream()
                            .filter(weight -> weight.matches(".*\\.\\d\\..*\\.weight")
                                    && decoded.weights().get(weight).shape().rank() == 2)
                            .count());
        }
    }

    /** With double quantisation 264 bytes for up to 256 groups of 64: here for 160. */
    @ParameterizedTest
    @CsvSource({"NF4, 4.20625", "NF4_SINGLE, 4.5", "INT8, 8.5"})
    void aWeightTakesFewBits(Weights weights, double bits) {
        try (Model model = load("llama", engine, weights)) {
            Tensor weight = model.weights().get("model.layers.0.mlp.up_proj.weight");
            assertThat(8.0 * weight.storage().bytes() / weight.shape().size()).isEqualTo(bits);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "nf4, '{name: lora, rank: 4, targets: [q_proj, down_proj]}'",
        "nf4-single, '{name: lora, rank: 4, targets: [q_proj, down_proj]}'",
        "int8, '{name: lora, rank: 4, targets: [q_proj, down_proj]}'",
        "nf4, '{name: dora, rank: 4, targets: [q_proj]}'",
        "nf4, '{name: lora, rank: 4, init: pissa, targets: [q_proj]}'",
        "nf4, '{name: ia3, targets: [k_proj, down_proj], feedforward: [down_proj]}'",
        "nf4, '{name: oft, targets: [q_proj]}'",
        "nf4, '{name: full}'"
    })
    void adaptersAreTrainedOnAQuantisedBase(String weights, String adapter) throws Exception {
        Path model = Golden.path("models/llama").toAbsolutePath().normalize();
        Path run = new SmallRuns(folder, engine).train(model, "causal-lm", adapter, Map.of("weights", weights));
        assertThat(run.resolve("adapter/adapter_model.safetensors")).exists();
        assertThat(run.resolve("spec.yaml")).content().contains("\nweights: " + weights + "\n");
        assertThat(engine.stats().liveBytes()).isZero();
    }

    /** Into the weights of the file, which have not been quantised. */
    @Test
    void anAdapterIsMergedIntoTheWeightsOfTheFile() throws Exception {
        Path model = Golden.path("models/llama").toAbsolutePath().normalize();
        SmallRuns runs = new SmallRuns(folder, engine);
        Path run = runs.train(model, "causal-lm", "{name: lora, rank: 4, targets: [q_proj]}", Map.of("weights", "nf4"));
        try (ModelPool pool = new ModelPool()) {
            ModelMerge.Outcome outcome = runs.merger(pool).merge(run, folder.resolve("merged"));
            assertThat(outcome.changed()).isEqualTo(2);
            assertThat(outcome.difference()).isLessThan(1e-4 * outcome.largest());
        }
        String untouched = "model.layers.0.mlp.up_proj.weight";
        try (TensorFile before = TensorFile.open(model.resolve("model.safetensors"));
                TensorFile after = TensorFile.open(folder.resolve("merged/model.safetensors"))) {
            assertThat(after.floats(untouched)).containsExactly(before.floats(untouched));
        }
    }

    /** What was trained over a quantised base generates over it, unless something else is asked for. */
    @Test
    void aRunGeneratesOverTheBaseThatItWasTrainedOn() throws Exception {
        Path model = Golden.path("models/llama").toAbsolutePath().normalize();
        SmallRuns runs = new SmallRuns(folder, engine);
        Path run = runs.train(model, "causal-lm", "{name: lora, rank: 4, targets: [q_proj]}", Map.of("weights", "nf4"));
        try (ModelPool pool = new ModelPool()) {
            pool.add(new FolderModelLoader());
            GenerationService generation = new GenerationService(runs.plugins, new SmallRuns.OneEngine(engine), pool);
            generation.open(source(run, Optional.empty())).close();
            generation.open(source(run, Optional.of(Weights.DECODED))).close();
            assertThat(pool.list()).extracting(Catalogue.ModelInfo::type).containsExactly("float32 and nf4", "float32");
            generation.close();
        }
    }

    private Generation.Source source(Path run, Optional<Weights> weights) {
        return new Generation.Source(
                Optional.empty(), Optional.of(run), folder, engine.name(), Optional.empty(), weights, 1, Map.of());
    }

    private static Model load(String name, TensorEngine engine, Weights weights) {
        Path model = Golden.path("models/" + name).toAbsolutePath().normalize();
        Optional<Model> loaded =
                new FolderModelLoader().load(model.toString(), model, engine, new WeightForm(engine.dtype(), weights));
        return loaded.orElseThrow();
    }
}
