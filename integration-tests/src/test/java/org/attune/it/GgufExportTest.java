package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.attune.kernel.merge.Exports;
import org.attune.kernel.plugins.ModelPool;
import org.attune.models.gguf.GgufExporter;
import org.attune.models.source.FolderModelLoader;
import org.attune.plugin.UserError;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models as GGUF files. */
class GgufExportTest {
    @TempDir
    private Path folder;

    private void export(Path model, String type, Path to) {
        try (ModelPool pool = new ModelPool()) {
            pool.add(new FolderModelLoader());
            new Exports(new SmallRuns.OneEngine(new ReferenceEngine()), pool, List.of(new GgufExporter()))
                    .export(model.toString(), folder, "gguf", type, to);
        }
    }

    private static Path model(String name) {
        return Golden.path("models/" + name).toAbsolutePath().normalize();
    }

    /** The rounding of F16 is 2^-11 of an element, that of Q8_0 half of 1/127 of the block's largest and that number's own in F16. */
    @Test
    void llamaCppsReaderFindsTheModel() throws Exception {
        List<Object> arguments = new ArrayList<>();
        Path out = folder.resolve("out.json");
        arguments.add(out);
        List<String> types = new ArrayList<>();
        for (String name : List.of("llama", "gpt2", "qwen2")) {
            for (String type : List.of("f16", "q8_0")) {
                Path file = folder.resolve(name + "-" + type + ".gguf");
                export(model(name), type, file);
                arguments.addAll(List.of(model(name), file));
                types.add(type);
            }
        }
        Python.run(folder, "gguf_peer.py", List.of("gguf", "numpy", "safetensors"), arguments.toArray());
        JsonNode answers = new ObjectMapper().readTree(out.toFile());
        for (int i = 0; i < types.size(); i++) {
            boolean blocks = types.get(i).equals("q8_0");
            for (JsonNode tensor : answers.get(i).get("tensors")) {
                double allowed = switch (tensor.get("type").asText()) {
                    case "F32" -> 0;
                    case "F16" -> 0x1p-11;
                    case "Q8_0" -> 0.5 / 127 + 0x1p-11;
                    default -> -1;
                };
                assertThat(tensor.get("difference").asDouble()).as("%s", tensor).isLessThanOrEqualTo(allowed);
            }
            assertThat(answers.get(i).at("/tensors/blk.0.ffn_up.weight/type").asText())
                    .isEqualTo(blocks ? "Q8_0" : "F16");
            assertThat(answers.get(i).at("/tensors/output_norm.weight/type").asText())
                    .isEqualTo("F32");
        }
        JsonNode llama = answers.get(1).get("metadata");
        assertThat(llama.get("general.name").asText()).isEqualTo("llama");
        assertThat(llama.get("general.file_type").asInt()).isEqualTo(7);
        assertThat(llama.get("llama.attention.head_count_kv").asInt()).isEqualTo(2);
        assertThat(llama.get("llama.rope.freq_base").asDouble()).isEqualTo(10000);
        assertThat(llama.get("tokenizer.ggml.model").asText()).isEqualTo("gpt2");
        assertThat(llama.get("tokenizer.ggml.pre").asText()).isEqualTo("gpt-2");
        JsonNode tokenizer = new ObjectMapper()
                .readTree(model("llama").resolve("tokenizer.json").toFile());
        assertThat(llama.get("tokenizer.ggml.tokens")).hasSize(480);
        assertThat(llama.get("tokenizer.ggml.tokens").get(1).asText()).isEqualTo("<s>");
        assertThat(llama.get("tokenizer.ggml.token_type").get(1).asInt()).isEqualTo(3);
        assertThat(llama.get("tokenizer.ggml.token_type").get(9).asInt()).isEqualTo(1);
        assertThat(llama.get("tokenizer.ggml.merges"))
                .hasSize(tokenizer.at("/model/merges").size());
        assertThat(llama.get("tokenizer.ggml.merges").get(0).asText()).isEqualTo("h e");
        assertThat(llama.get("tokenizer.ggml.eos_token_id").asInt()).isEqualTo(2);
        assertThat(llama.get("tokenizer.ggml.add_bos_token").asBoolean()).isFalse();
    }

    @Test
    void whatHasNoPlaceInTheFormatIsRefused() throws Exception {
        Path to = folder.resolve("x.gguf");
        refused(model("bert"), "q8_0", to, "models of the family bert are not written as GGUF; those of gpt2, llama");
        refused(model("llama"), "q4_0", to, "gguf has no type 'q4_0' here; it has [f16, q8_0]");
        assertThat(to).doesNotExist();
        Files.writeString(to, "");
        refused(model("llama"), "f16", to, "is there already");
    }

    private void refused(Path model, String type, Path to, String message) {
        assertThatThrownBy(() -> export(model, type, to))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(message);
    }
}
