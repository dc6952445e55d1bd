package org.attune.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComparisonTableTest {
    @TempDir
    Path data;

    private void result(String row, int round, String side, String json) throws IOException {
        Files.writeString(
                data.resolve(row + ".jsonl"),
                "{\"round\":" + round + ",\"side\":\"" + side + "\",\"result\":" + json + "}\n",
                StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
    }

    private void floor(String row, int round, double float32) throws IOException {
        result(row, round, "floor", "{\"float32\":" + float32 + ",\"bfloat16\":400,\"memory\":30,\"threads\":2}");
    }

    private String line(String begins) throws IOException {
        return ComparisonTable.text(data)
                .lines()
                .filter(line -> line.startsWith("| " + begins))
                .findFirst()
                .orElse("");
    }

    @Test
    void ratiosAreOfARoundAndTheTableHasTheirMedian() throws IOException {
        double[] peft = {1.5, 3.0, 1.6};
        double[] attune = {1.0, 1.5, 1.0};
        for (int round = 1; round <= 3; round++) {
            floor("lora-step", round, 200);
            result("lora-step", round, "peft float32", "{\"median_s\":" + peft[round - 1] + ",\"peak_mb\":1500}");
            result(
                    "lora-step",
                    round,
                    "attune float32",
                    "{\"median_s\":" + attune[round - 1] + ",\"gflop\":180,\"peak_mb\":450}");
        }
        // Ratios 1.5, 2, 1.6; shares 0.9, 0.6, 0.9. A hundred GFLOP/s a core is a Zen 4.
        assertThat(line("LoRA step, MiniLM"))
                .contains("| 1.60 s | 1.00 s | 1.60 (1.50 to 2.00) | ≥ 1.40 | 0.900 | ≥ 0.800 | met |");
        assertThat(line("peak memory, MiniLM")).contains("| 1500 MB | 450 MB | 0.300 (0.300 to 0.300) | ≤ 0.450 |");
    }

    @Test
    void theTargetsAreThoseOfTheMachine() throws IOException {
        floor("full-step", 1, 480);
        result("full-step", 1, "peft float32", "{\"median_s\":1.5}");
        result("full-step", 1, "attune float32", "{\"median_s\":1,\"gflop\":275}");
        assertThat(line("full fine-tuning")).contains("| 1.50 | ≥ 2.00 | 0.573 | ≥ 0.700 | missed: ratio, share |");
    }

    @Test
    void anEpochIsReadFromTheSummaryOfARun() throws IOException {
        floor("wordnet-epoch", 1, 200);
        result("wordnet-epoch", 1, "peft", "{\"seconds\":90,\"accuracy\":0.75,\"peak_mb\":1200}");
        result("wordnet-epoch", 1, "peft grouped", "{\"seconds\":50,\"accuracy\":0.74,\"peak_mb\":1200}");
        result(
                "wordnet-epoch",
                1,
                "attune",
                "{\"trials\":[{\"seconds\":30,\"tokens\":115000,\"examples\":8000,\"scores\":{\"accuracy\":0.76}}]}");
        assertThat(line("epoch on WordNet")).contains("| 90.0 s | 30.0 s | 3.00 | ≥ 2.40 |");
        assertThat(line("the same against length-grouped")).contains("| 1.67 | ≥ 1.45 |");
        assertThat(ComparisonTable.text(data)).contains("peft 0.7500 over 1 seeds, peft grouped 0.7400");
    }

    @Test
    void aBaseInBlocksStandsBesideItselfDecoded() throws IOException {
        result("blocks", 1, "attune generation decoded", "{\"decode_tokens_per_s\":30,\"peak_mb\":800}");
        result("blocks", 1, "attune generation blocks", "{\"decode_tokens_per_s\":45,\"peak_mb\":400}");
        result("blocks", 1, "attune step decoded", "{\"median_s\":2,\"peak_mb\":1000}");
        result("blocks", 1, "attune step blocks", "{\"median_s\":2.5,\"peak_mb\":600}");
        assertThat(line("SmolLM2-135M in its GGUF blocks")).contains("| 30.0 tokens/s | 45.0 tokens/s | 1.50 |");
        assertThat(line("LoRA r=16 on all linears on top")).contains("| 2.00 s | 2.50 s | 0.800 |");
        assertThat(ComparisonTable.text(data)).contains("| 800 MB | 400 MB | 0.500 |", "| 1000 MB | 600 MB | 0.600 |");
    }

    @Test
    void aColdStartIsSecondsAgainstALimit() throws IOException {
        floor("cold-start", 1, 200);
        result("cold-start", 1, "attune", "{\"running_s\":4,\"seconds\":5.2}");
        assertThat(line("cold start")).contains("| – | 5.20 s | – | ≤ 6.00 s | – | – | met |");
    }

    @Test
    void withoutAvx512ThereAreNoTargetsOfTheRatio() throws IOException {
        Files.writeString(data.resolve("machine.json"), "{\"cpu\":\"Some CPU\",\"cores\":2,\"instructions\":\"AVX2\"}");
        floor("full-step", 1, 200);
        result("full-step", 1, "peft float32", "{\"median_s\":1.5}");
        result("full-step", 1, "attune float32", "{\"median_s\":2,\"gflop\":275}");
        assertThat(line("full fine-tuning")).contains("| 0.750 | – | 0.688 | ≥ 0.700 | missed: share |");
        assertThat(ComparisonTable.text(data)).startsWith("### Some CPU, 2 processors, AVX2\n");
    }

    @Test
    void whatPeopleWroteAroundTheTablesStaysAndEachMachineHasItsOwn() throws IOException {
        Path results = Files.writeString(data.resolve("RESULTS.md"), "# Results\n\nBefore.\n");
        ComparisonTable.write(results, "one", "first\n");
        ComparisonTable.write(results, "another", "other\n");
        Files.writeString(results, Files.readString(results) + "\nAfter.\n");
        ComparisonTable.write(results, "one", "second\n");
        assertThat(Files.readString(results))
                .startsWith("# Results\n\nBefore.\n\n<!--")
                .containsSubsequence("on one -->\nsecond\n<!--", "on another -->\nother\n<!--")
                .endsWith("\nAfter.\n")
                .doesNotContain("first");
    }
}
