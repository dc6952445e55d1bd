package org.attune.kernel.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.kernel.fake.TinyModel;
import org.attune.kernel.run.AdapterFolder.Part;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.ElementType;
import org.attune.tensor.io.TensorFile;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdapterFolderTest {
    private static final String LORA_A = "bert.encoder.layer.0.attention.self.query.lora_A.weight";

    @TempDir
    Path folder;

    private final TensorEngine engine = new ReferenceEngine();

    private Map<String, Tensor> parameters() {
        Map<String, Tensor> parameters = new LinkedHashMap<>();
        parameters.put(LORA_A, Tensor.of(engine, Shape.of(1, 2), 0.1, 0.25));
        parameters.put("classifier.bias", Tensor.of(engine, Shape.of(3), 1.0, 2.0, 3.0));
        return parameters;
    }

    private static AdapterFolder.Base base(String name) {
        return new AdapterFolder.Base(
                name, null, weight -> !weight.startsWith("new."), weight -> weight.endsWith("c_fc.weight"));
    }

    private AdapterFolder.PeftForm lora(Map<String, Object> fields) {
        return lora(fields, parameters());
    }

    private static AdapterFolder.PeftForm lora(Map<String, Object> fields, Map<String, Tensor> tensors) {
        return new AdapterFolder.PeftForm("LORA", fields, tensors, name -> name);
    }

    @Test
    void theConfigurationIsLaidOutAsPythonDoes() throws IOException {
        AdapterFolder.writePeft(
                folder,
                lora(Map.of(
                        "r",
                        8,
                        "lora_dropout",
                        0.0,
                        "target_modules",
                        List.of("query", "value"),
                        "rank_pattern",
                        Map.of())),
                base("all-MiniLM-L6-v2"),
                Optional.of("SEQ_CLS"),
                List.of("classifier"));
        assertThat(folder.resolve("adapter_config.json")).hasContent("""
                {
                  "auto_mapping": null,
                  "base_model_name_or_path": "all-MiniLM-L6-v2",
                  "inference_mode": true,
                  "lora_dropout": 0.0,
                  "modules_to_save": [
                    "classifier"
                  ],
                  "peft_type": "LORA",
                  "r": 8,
                  "rank_pattern": {},
                  "revision": null,
                  "target_modules": [
                    "query",
                    "value"
                  ],
                  "task_type": "SEQ_CLS"
                }""");
        try (TensorFile file = TensorFile.open(folder.resolve("adapter_model.safetensors"))) {
            assertThat(file.names()).containsExactly("base_model.model." + LORA_A, "base_model.model.classifier.bias");
            assertThat(file.type("base_model.model." + LORA_A)).isEqualTo(ElementType.F32);
            assertThat(file.metadata()).containsExactly(Map.entry("format", "pt"));
        }
    }

    @Test
    void whatIsWrittenIsReadBack() {
        AdapterFolder.writePeft(folder, lora(Map.of("r", 8)), base("base"), Optional.empty(), List.of());
        AdapterFolder read = AdapterFolder.read(folder);
        assertThat(read.config()).containsEntry("r", 8).containsEntry("task_type", null);
        assertParameters(read);
    }

    @Test
    void whatPeftLacksKeepsItsOwnNames() {
        List<Part> parts = List.of(
                new Part("lora", "mine", null, Map.of("rank", 8)), new Part("head-only", null, false, Map.of()));
        AdapterFolder.writeAttune(folder, parameters(), parts, List.of(), base("base"), List.of("classifier"));
        AdapterFolder read = AdapterFolder.read(folder);
        assertThat(read.config())
                .containsEntry("peft_type", AdapterFolder.ATTUNE)
                .containsEntry(
                        "adapters",
                        List.of(
                                Map.of("name", "lora", "as", "mine", "options", Map.of("rank", 8)),
                                Map.of("name", "head-only", "active", false, "options", Map.of())));
        assertThat(read.parts()).isEqualTo(parts);
        assertParameters(read);
        try (TensorFile file = TensorFile.open(folder.resolve("adapter_model.safetensors"))) {
            assertThat(file.names()).containsExactly(LORA_A, "classifier.bias");
        }
    }

    private static void assertParameters(AdapterFolder read) {
        assertThat(read.tensors()).containsOnlyKeys(LORA_A, "classifier.bias");
        assertThat(read.tensors().get(LORA_A).shape()).isEqualTo(Shape.of(1, 2));
        assertThat(read.tensors().get(LORA_A).elements()).containsExactly(0.1f, 0.25f);
        assertThat(read.tensors().get("classifier.bias").elements()).containsExactly(1, 2, 3);
    }

    /** Reads what PEFT 0.21 saved, and writes the same two files again. */
    @Test
    void peftsOwnFilesAreReadAndReproduced() throws IOException {
        Path golden = Golden.path("traces/bert/lora/adapter_init");
        AdapterFolder read = AdapterFolder.read(golden);
        assertThat(read.config()).containsEntry("peft_type", "LORA").containsEntry("r", 4);
        assertThat(read.tensors()).containsKeys("classifier.weight", LORA_A);
        assertThat(read.tensors().get(LORA_A).shape().dim(0)).isEqualTo(4);
        assertThat(read.tensors().keySet()).noneMatch(name -> name.startsWith("base_model."));

        Map<String, Tensor> parameters = new LinkedHashMap<>();
        read.tensors().forEach((name, t) -> parameters.put(name, Tensor.of(engine, t.shape(), t.elements())));
        AdapterFolder.writePeft(
                folder, lora(read.config(), parameters), base(null), Optional.of("SEQ_CLS"), List.of("classifier"));
        assertThat(Files.readString(folder.resolve("adapter_config.json")))
                .isEqualTo(Files.readString(golden.resolve("adapter_config.json")));
        assertThat(Files.readAllBytes(folder.resolve("adapter_model.safetensors")))
                .hasSameSizeAs(Files.readAllBytes(golden.resolve("adapter_model.safetensors")));
        AdapterFolder again = AdapterFolder.read(folder);
        read.tensors()
                .forEach((name, t) -> assertThat(again.tensors().get(name).elements())
                        .as(name)
                        .isEqualTo(t.elements()));
    }

    /** Names as PEFT 0.21 gives them; keys of a mapping stay in order, for of two patterns that fit the first one counts. */
    @Test
    void whatABaseLayerHasOfItsOwnIsNamedSo() throws IOException {
        Map<String, Tensor> parameters = parameters();
        parameters.put(LORA_A.replace("lora_A.weight", "bias"), Tensor.of(engine, Shape.of(1), 4));
        parameters.put("new.phm_left", Tensor.of(engine, Shape.of(1), 5));
        parameters.put("new.bias", Tensor.of(engine, Shape.of(1), 6));
        parameters.put("h.0.c_fc.weight", Tensor.of(engine, Shape.of(2, 3), 1, 2, 3, 4, 5, 6));
        Map<String, Object> patterns = new LinkedHashMap<>();
        patterns.put("value", 3);
        patterns.put("query", 2);
        AdapterFolder.writePeft(
                folder,
                lora(Map.of("rank_pattern", patterns, "modules_to_save", List.of("c_fc")), parameters),
                base("base"),
                Optional.empty(),
                List.of("classifier"));
        assertThat(Files.readString(folder.resolve("adapter_config.json")))
                .containsSubsequence("\"value\": 3", "\"query\": 2");
        try (TensorFile file = TensorFile.open(folder.resolve("adapter_model.safetensors"))) {
            assertThat(file.names())
                    .containsExactly(
                            "base_model.model." + LORA_A,
                            "base_model.model.classifier.bias",
                            "base_model.model.bert.encoder.layer.0.attention.self.query.base_layer.bias",
                            "base_model.model.new.phm_left",
                            "base_model.model.new.bias",
                            "base_model.model.h.0.c_fc.weight");
            assertThat(file.floats("base_model.model.h.0.c_fc.weight"))
                    .as("as the family's files have it, transposed")
                    .containsExactly(1, 4, 2, 5, 3, 6);
        }
        AdapterFolder read = AdapterFolder.read(folder);
        assertThat(read.tensors()).containsOnlyKeys(parameters.keySet());
        assertThat(read.config()).containsEntry("modules_to_save", List.of("c_fc", "classifier"));
    }

    @Test
    void copiesThatPeftWritesOfHeadsAreLeftOut() {
        assertThat(PeftNames.of("LORA").ours("base_model.model.classifier.modules_to_save.bias"))
                .isEmpty();
        assertThat(PeftNames.of("LORA").ours("base_model.model.classifier.original_module.bias"))
                .isEmpty();
        assertThat(PeftNames.of("LORA").ours("base_model.model.classifier.bias"))
                .contains("classifier.bias");
    }

    @Test
    void aModelOfAHubIsCalledAsOthersCallIt() {
        Model model = new TinyModel(engine);
        assertThat(AdapterFolder.Base.of("hf:org/name@v1", model))
                .extracting("name", "revision")
                .containsExactly("org/name", "v1");
        assertThat(AdapterFolder.Base.of("hf:gpt2", model))
                .extracting("name", "revision")
                .containsExactly("gpt2", null);
        assertThat(AdapterFolder.Base.of("/models/tiny", model).name()).isEqualTo("/models/tiny");
    }

    @Test
    void badFoldersAreNamed() throws IOException {
        assertBad("adapter_config.json: cannot read: no such file or folder");
        Path config = folder.resolve("adapter_config.json");
        Files.writeString(config, "{\n\"r\": 8,\n");
        assertBad("adapter_config.json: not valid JSON at line 3: ");
        for (String json : new String[] {"{\"r\": 8}", "[]", "", "{\"peft_type\": 7}"}) {
            Files.writeString(config, json);
            assertBad("adapter_config.json: not an adapter's configuration, it has no peft_type");
        }
        Files.writeString(config, new ObjectMapper().writeValueAsString(Map.of("peft_type", "LORA")));
        assertBad("adapter_model.safetensors: cannot read: no such file or folder");
        Files.writeString(folder.resolve("adapter_model.bin"), "");
        assertBad("holds adapter_model.bin, a pickle");
        Files.writeString(folder.resolve("adapter_model.safetensors"), "torn");
        assertBad("adapter_model.safetensors: not a safetensors file");
    }

    private void assertBad(String message) {
        assertThatThrownBy(() -> AdapterFolder.read(folder))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(message);
    }
}
