package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.attune.kernel.plugins.ModelPool;
import org.attune.model.AttachPoint;
import org.attune.plugin.NoOptions;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.TensorFile;
import org.attune.testkit.Golden;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.attune.trial.ModelMerge;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Adapters of real runs, merged into their models. */
class MergeTest {
    @TempDir
    private Path folder;

    private final TensorEngine engine = new CpuEngine();
    private SmallRuns runs;

    private Path trained(String model, boolean classes, String adapters) throws Exception {
        runs = new SmallRuns(folder, engine);
        return runs.train(Golden.path("models/" + model).toAbsolutePath().normalize(), classes, adapters);
    }

    private ModelMerge.Outcome merge(Path run, Path to) {
        try (ModelPool pool = new ModelPool()) {
            return runs.merger(pool).merge(run, to);
        }
    }

    /** Of BERT the head's weight and bias are among the weights that change, for its file has a head. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "bert | true | 15 | {name: lora, rank: 4, targets: all-linear}",
                "bert | true | 8 | '{name: lora, rank: 4, targets: [query], bias: lora-only}, {name: lora, as: values, targets: [value]}'",
                "gpt2 | false | 4 | {name: lora, rank: 4, targets: [c_attn, c_fc]}",
                "gpt2 | true | 28 | {name: full}",
                "llama | false | 5 | {name: lora, rank: 4, targets: [q_proj, v_proj], modules_to_save: [lm_head]}",
                "llama | false | 4 | '{name: lora, rank: 4}, {name: dora, as: second, rank: 2}, {name: vera, as: third}'",
                "bert | true | 10 | '{name: ia3, targets: [queries, values]}, {name: dora, rank: 2}, {name: ia3, as: third, targets: [queries, values]}'",
                "llama | false | 4 | {name: adalora, init_rank: 4, target_rank: 1, t_init: 1, t_final: 2, delta_t: 2}",
                "llama | false | 6 | '{name: adalora, init_rank: 4, target_rank: 1, t_init: 1, t_final: 2, delta_t: 2}, {name: lora, targets: keys}'"
            })
    void theMergedModelDoesTheSame(String model, boolean classes, int changed, String adapters) throws Exception {
        Path run = trained(model, classes, adapters);
        Path to = folder.resolve("merged");
        ModelMerge.Outcome outcome = merge(run, to);
        assertThat(outcome.changed()).isEqualTo(changed);
        assertThat(outcome.largest()).isPositive();
        assertThat(outcome.difference()).isLessThan(1e-4 * outcome.largest());
        assertThat(engine.stats().liveBytes()).isZero();
        JsonNode config = new ObjectMapper().readTree(to.resolve("config.json").toFile());
        assertThat(config.path("architectures").get(0).asText().endsWith("ForSequenceClassification"))
                .isEqualTo(classes);
        if (classes) {
            assertThat(config.at("/id2label/1").asText()).isEqualTo("b");
            assertThat(config.at("/label2id/c").asInt()).isEqualTo(2);
        }
        assertThat(names(to)).contains("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json");
    }

    /** Both in float32; transformers builds the model by its own reading of the folder. */
    @Test
    void transformersGivesTheLogitsOfTheMergedModel() throws Exception {
        Path run = trained("gpt2", true, "{name: lora, rank: 4, targets: [c_attn, c_proj]}");
        Path to = folder.resolve("merged");
        merge(run, to);
        Path out = folder.resolve("difference.txt");
        Python.run(folder, "merged_peer.py", List.of("torch", "transformers", "peft"), run.resolve("adapter"), to, out);
        assertThat(Double.parseDouble(Files.readString(out))).isLessThan(1e-4);
    }

    @Test
    void matricesAreTurnedBackForFamiliesWhoseFilesHaveThemSo() throws Exception {
        Path run = trained("gpt2", false, "{name: lora, rank: 4, targets: [c_fc]}");
        merge(run, folder.resolve("merged"));
        try (TensorFile merged = TensorFile.open(folder.resolve("merged/model.safetensors"));
                TensorFile base = TensorFile.open(Golden.path("models/gpt2/model.safetensors"))) {
            String untouched = "transformer.h.0.attn.c_attn.weight";
            assertThat(merged.shape(untouched)).isEqualTo(base.shape(untouched));
            assertThat(merged.floats(untouched)).isEqualTo(base.floats(untouched));
            assertThat(merged.shape("transformer.h.0.mlp.c_fc.weight")).isEqualTo(Shape.of(64, 160));
            assertThat(merged.names()).doesNotContain("lm_head.weight"); // tied
        }
    }

    @Test
    void whatCannotBeMergedLeavesNothing() throws Exception {
        runs = new SmallRuns(folder, engine);
        runs.plugins.with("bent", new Bent());
        Path run = runs.train(Golden.path("models/bert").toAbsolutePath().normalize(), true, "bent");
        Path to = folder.resolve("merged");
        assertThatThrownBy(() -> merge(run, to))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("attention.self.query' cannot be merged: no single linear map does the same");
        assertThat(names(folder)).noneMatch(name -> name.contains("merged"));

        assertThatThrownBy(() -> merge(run, run))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("is there already");
        assertThatThrownBy(() -> merge(folder.resolve("runs"), to))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("not a run folder");
        assertThatThrownBy(() -> merge(folder, to))
                .as("a folder with a spec alone")
                .isInstanceOf(UserError.class)
                .hasMessageContaining("has no adapter yet");
    }

    @Test
    void aBottleneckCannotBeMerged() throws Exception {
        Path run = trained("llama", false, "pfeiffer");
        assertThatThrownBy(() -> merge(run, folder.resolve("merged")))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("adds to what 'model.layers.0.mlp' gives, which cannot be merged");
    }

    /** Bends the output of the query maps. */
    private static final class Bent implements Adapter<NoOptions> {
        @Override
        public Class<NoOptions> options() {
            return NoOptions.class;
        }

        @Override
        public void attach(NoOptions options, Attachment on) {
            for (AttachPoint point : on.match(AttachPoint.Kind.LINEAR, List.of("query"))) {
                Tensor by = on.parameter(point.path() + ".bend", Shape.of(point.out()), Initializer.constant(1));
                on.linear(
                        point.path(),
                        (forward, x, inner) -> inner.apply(x).tanh().mul(by));
            }
        }
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).toList();
        }
    }
}
