package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A method by its name alone acts where PEFT's defaults have it act, whatever the family, and its files say where that is. */
class DefaultTargetsTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "bert, lora, '[\"query\",\"value\"]'",
        "llama, lora, '[\"q_proj\",\"v_proj\"]'",
        "qwen2, dora, '[\"q_proj\",\"v_proj\"]'",
        "gpt2, lora, '[\"c_attn\"]'",
        "llama, vera, '[\"q_proj\",\"v_proj\"]'",
        "bert, ia3, '[\"key\",\"value\",\"output.dense\"]'",
        "llama, ia3, '[\"k_proj\",\"v_proj\",\"down_proj\"]'",
        "gpt2, ia3, '[\"c_attn\",\"mlp.c_proj\"]'"
    })
    void areTheFamilysOwn(String model, String method, String targets) throws Exception {
        Path run = new SmallRuns(folder, new CpuEngine())
                .train(Golden.path("models/" + model), model.equals("bert"), method);
        JsonNode config = new ObjectMapper()
                .readTree(run.resolve("adapter/adapter_config.json").toFile());
        assertThat(config.get("target_modules")).hasToString(targets);
        if (method.equals("ia3")) {
            JsonNode modules = config.get("target_modules");
            assertThat(config.get("feedforward_modules")).containsExactly(modules.get(modules.size() - 1));
        }
    }
}
