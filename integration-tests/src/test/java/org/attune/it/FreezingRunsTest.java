package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which weights are a model's embeddings, its layers and what is above them, told by gradual unfreezing. */
class FreezingRunsTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "bert, bert.embeddings., bert.encoder.layer., bert.pooler.",
        "gpt2, transformer.w, transformer.h., transformer.ln_f.",
        "llama, model.embed_tokens., model.layers., model.norm.",
        "qwen2, model.embed_tokens., model.layers., model.norm."
    })
    void groupsFollowTheModel(String model, String front, String layers, String top) throws Exception {
        Path run = new SmallRuns(folder, new ReferenceEngine())
                .train(
                        Golden.path("models/" + model).toAbsolutePath().normalize(),
                        model.equals("bert"),
                        "gradual-unfreezing");
        List<String> frozen = new ArrayList<>();
        List<List<String>> unfrozen = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            JsonNode json = JSON.readTree(line);
            json.path("frozen").forEach(name -> frozen.add(name.asText()));
            if (json.has("unfrozen")) {
                List<String> names = new ArrayList<>();
                json.get("unfrozen").forEach(name -> names.add(name.asText()));
                unfrozen.add(names);
            }
        }
        // Nine steps for four groups: what is above, two layers, the embeddings.
        assertThat(unfrozen).hasSize(3);
        assertThat(unfrozen.get(0)).isNotEmpty().allMatch(name -> name.startsWith(layers + "1."));
        assertThat(unfrozen.get(1)).isNotEmpty().allMatch(name -> name.startsWith(layers + "0."));
        assertThat(unfrozen.get(2)).isNotEmpty().allMatch(name -> name.startsWith(front));
        assertThat(frozen)
                .hasSize(unfrozen.stream().mapToInt(List::size).sum())
                .noneMatch(name -> name.startsWith(top));
    }
}
