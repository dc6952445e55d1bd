package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.attune.kernel.run.AdapterFolder;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Bottleneck adapters in real runs: what one saves, another begins from. */
class BottleneckRunsTest {
    private static final String SITE = "bert.encoder.layer.1.output";

    @TempDir
    private Path folder;

    private final TensorEngine engine = new CpuEngine();
    private SmallRuns runs;

    @BeforeEach
    void runs() {
        runs = new SmallRuns(folder, engine);
    }

    private static Path model(String name) {
        return Golden.path("models/" + name).toAbsolutePath().normalize();
    }

    private Path adapter(String adapters, String... others) throws Exception {
        Map<String, String> more = others.length == 0 ? Map.of() : Map.of(others[0], others[1]);
        return runs.train(model("bert"), "classification", adapters, more).resolve("adapter");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "houlsby | {name: houlsby, layers: [1]}",
                "pfeiffer | {name: pfeiffer, non_linearity: tanh}",
                "parallel | {name: parallel, learn_scaling: true, scaling: 2}",
                "compacter | {name: compacter, reduction_factor: 8}"
            })
    void aRunWithoutAStepSavesWhatItBeganFrom(String name, String adapters) throws Exception {
        Path first = adapter(adapters);
        Path again = adapter("{name: " + name + ", from: '" + first + "'}", "train.epochs", "0");
        assertThat(again.resolve("adapter_model.safetensors"))
                .hasSameBinaryContentAs(first.resolve("adapter_model.safetensors"));
        assertThat(again.resolve("adapter_config.json")).hasSameTextualContentAs(first.resolve("adapter_config.json"));
    }

    @Test
    void trainedAdaptersAreFused() throws Exception {
        Path a = adapter("{name: pfeiffer, reduction_factor: 8}");
        Path b = adapter("{name: pfeiffer, non_linearity: gelu}");
        Path fused = adapter("{name: adapter-fusion, from: {a: '" + a + "', b: '" + b + "'}, regularization: 0.1}");
        AdapterFolder saved = AdapterFolder.read(fused);
        for (String part : new String[] {"down.weight", "up.bias"}) {
            assertThat(saved.tensors().get(SITE + ".adapter.a." + part).elements())
                    .isEqualTo(AdapterFolder.read(a)
                            .tensors()
                            .get(SITE + ".adapter." + part)
                            .elements());
            assertThat(saved.tensors().get(SITE + ".adapter.b." + part).elements())
                    .isEqualTo(AdapterFolder.read(b)
                            .tensors()
                            .get(SITE + ".adapter." + part)
                            .elements());
        }
        assertThat(saved.tensors().get("classifier.weight").elements())
                .isNotEqualTo(
                        AdapterFolder.read(a).tensors().get("classifier.weight").elements());
        assertThat(saved.tensors().get(SITE + ".fusion.value.weight").elements())
                .isNotEmpty();
        assertThat(saved.config()).containsEntry("peft_type", "ADAPTER_FUSION").containsEntry("regularization", 0.1);
        Path run = fused.getParent();
        assertThat(Files.readString(run.resolve("spec.yaml")))
                .contains("from: {a: " + a + ", b: " + b + "}", "reduction_factor: {a: 8.0, b: 16.0}");
        assertThat(Files.readString(run.resolve("provenance.json")))
                .contains("\"adapters.0.a\"", AdapterFolder.fingerprint(a), AdapterFolder.fingerprint(b));

        Path again = adapter("{name: adapter-fusion, from: '" + fused + "'}", "train.epochs", "0");
        assertThat(again.resolve("adapter_model.safetensors"))
                .hasSameBinaryContentAs(fused.resolve("adapter_model.safetensors"));
        assertThat(again.resolve("adapter_config.json")).hasSameTextualContentAs(fused.resolve("adapter_config.json"));
    }
}
