package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.attune.kernel.merge.Exports;
import org.attune.kernel.plugins.ModelPool;
import org.attune.model.Model;
import org.attune.model.WeightForm;
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

    private final ReferenceEngine engine = new ReferenceEngine();

    private void export(Path model, String type, Path to) {
        try (ModelPool pool = new ModelPool()) {
            pool.add(new FolderModelLoader());
            new Exports(new SmallRuns.OneEngine(engine), pool, List.of(new GgufExporter()))
                    .export(model.toString(), folder, "gguf", type, to);
        }
    }

    private static Path model(String name) {
        return Golden.path("models/" + name).toAbsolutePath().normalize();
    }

    /** What llama.cpp's reader finds in the folders' models as f16 and, every second, as q8_0. */
    private JsonNode exported(List<Path> models) throws Exception {
        List<Object> arguments = new ArrayList<>();
        Path out = folder.resolve("out.json");
        arguments.add(out);
        for (Path model : models) {
            for (String type : List.of("f16", "q8_0")) {
                Path file = folder.resolve(model.getFileName() + "-" + type + ".gguf");
                export(model, type, file);
                arguments.addAll(List.of(model, file));
            }
        }
        Python.run(folder, "gguf_peer.py", List.of("gguf", "numpy", "safetensors"), arguments.toArray());
        JsonNode answers = new ObjectMapper().readTree(out.toFile());
        for (int i = 0; i < 2 * models.size(); i++) {
            JsonNode tensors = answers.get(i).get("tensors");
            for (JsonNode tensor : tensors) {
                assertThat(tensor.get("difference").asDouble())
                        .as("%s", tensor)
                        .isLessThanOrEqualTo(rounding(tensor.get("type").asText()));
            }
            assertThat(tensors.at("/blk.0.ffn_up.weight/type").asText()).isEqualTo(i % 2 == 0 ? "F16" : "Q8_0");
            assertThat(tensors.at("/output_norm.weight/type").asText()).isEqualTo("F32");
        }
        return answers;
    }

    /** That of F16 is 2^-11 of an element, that of Q8_0 half of 1/127 of the block's largest and that number's own in F16. */
    private static double rounding(String type) {
        return switch (type) {
            case "F32" -> 0;
            case "F16" -> 0x1p-11;
            case "Q8_0" -> 0.5 / 127 + 0x1p-11;
            default -> -1;
        };
    }

    @Test
    void llamaCppsReaderFindsTheModel() throws Exception {
        JsonNode answers = exported(
                Stream.of("llama", "gpt2", "qwen2").map(GgufExportTest::model).toList());
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

    /** Gemma's norms are written with 1 added, its tokenizer with scores; the rows of neither family are interleaved. */
    @Test
    void qwen3AndGemmaAreWrittenByTheirOwnRules() throws Exception {
        Python.run(folder, "gguf_models.py", List.of("torch", "transformers", "tokenizers"), folder);
        List<Path> models =
                Stream.of("qwen3", "gemma2", "gemma3").map(folder::resolve).toList();
        JsonNode answers = exported(models);
        JsonNode qwen3 = answers.get(0).get("metadata");
        assertThat(qwen3.get("qwen3.attention.key_length").asInt()).isEqualTo(32);
        assertThat(qwen3.get("tokenizer.ggml.pre").asText()).isEqualTo("qwen2");
        JsonNode gemma2 = answers.get(2).get("metadata");
        assertThat(gemma2.get("gemma2.attn_logit_softcapping").asDouble()).isEqualTo(50);
        assertThat(gemma2.get("gemma2.final_logit_softcapping").asDouble()).isEqualTo(30);
        assertThat(gemma2.get("gemma2.attention.sliding_window").asInt()).isEqualTo(4);
        assertThat(gemma2.get("tokenizer.ggml.model").asText()).isEqualTo("llama");
        assertThat(gemma2.get("tokenizer.ggml.add_space_prefix").asBoolean()).isFalse();
        assertThat(gemma2.get("tokenizer.ggml.tokens").get(4).asText()).isEqualTo("  ");
        JsonNode gemma3 = answers.get(4).get("metadata");
        assertThat(gemma3.get("gemma3.rope.freq_base").asDouble()).isEqualTo(1e6);
        assertThat(gemma3.get("gemma3.rope.freq_base_swa").asDouble()).isEqualTo(1e4);
        for (Path model : models) {
            try (Model wanted = load(model);
                    Model f16 = load(folder.resolve(model.getFileName() + "-f16.gguf"));
                    Model blocks = load(folder.resolve(model.getFileName() + "-q8_0.gguf"))) {
                for (String text : List.of("the river bends", "It isn't  the 12\n\n mills: naïve 東京 🙂", "   ")) {
                    int[] ids = wanted.tokenizer().encode(text, 60);
                    assertThat(f16.tokenizer().encode(text, 60)).as(text).containsExactly(ids);
                    double[] next = WholePass.next(engine, wanted, ids);
                    assertThat(distance(WholePass.next(engine, f16, ids), next)).isLessThan(1e-3);
                    assertThat(distance(WholePass.next(engine, blocks, ids), next))
                            .isLessThan(2e-2);
                }
            }
        }
    }

    private Model load(Path model) {
        return new FolderModelLoader()
                .load(model.toString(), folder, engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow();
    }

    /** sqrt(sum (found - wanted)^2 / sum wanted^2); many weights' roundings, of which most cancel out. */
    private static double distance(double[] found, double[] wanted) {
        double difference = 0;
        double all = 0;
        for (int i = 0; i < wanted.length; i++) {
            difference += (found[i] - wanted[i]) * (found[i] - wanted[i]);
            all += wanted[i] * wanted[i];
        }
        return Math.sqrt(difference / all);
    }

    @Test
    void whatHasNoPlaceInTheFormatIsRefused() throws Exception {
        Path to = folder.resolve("x.gguf");
        refused(
                model("bert"),
                "q8_0",
                to,
                "models of the family bert are not written as GGUF; those of gemma2, gemma3_text, gpt2, llama");
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
