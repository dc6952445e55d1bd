package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.attune.kernel.run.AdapterFolder;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Trials that begin from a saved adapter. */
class SavedAdaptersTest {
    @TempDir
    Path folder;

    private Lab lab;

    @BeforeEach
    void lab() {
        lab = new Lab(folder);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    private static String from(Path adapter) {
        return "[{name: scale, from: '" + adapter + "'}]";
    }

    private Path trained() {
        return lab.complete("adapters", "[{name: scale, dropout: 0.2}]")
                .folder()
                .resolve("adapter");
    }

    @Test
    void withoutAStepItIsTheSavedOne() throws IOException {
        Path adapter = trained();
        Trial again = lab.complete("adapters", from(adapter), "train.epochs", "0", "seed", "77");
        assertThat(again.folder().resolve("adapter/adapter_model.safetensors"))
                .hasSameBinaryContentAs(adapter.resolve("adapter_model.safetensors"));
        assertThat(Files.readString(again.folder().resolve("spec.yaml")))
                .as("options are the saved adapter's")
                .contains("{name: scale, from: " + adapter + ", dropout: 0.2}");
        assertThat(Files.readString(again.folder().resolve("provenance.json")))
                .contains("\"adapters.0\"", AdapterFolder.fingerprint(adapter));
    }

    @Test
    void theSpecsOwnOptionsCountFirst() throws IOException {
        Path adapter = trained();
        Trial again = lab.complete("adapters", "[{name: scale, from: '" + adapter + "', dropout: 0.5}]");
        assertThat(Files.readString(again.folder().resolve("spec.yaml"))).contains("dropout: 0.5}");
    }

    @Test
    void aRunThatIsResumedNeedsTheFolderNoMore() throws IOException {
        Path adapter = trained();
        lab.atStep(3, trial -> trial.stop());
        Trial second = Lab.ended(lab.start("adapters", from(adapter)), TrialState.SUSPENDED);
        Files.delete(adapter.resolve("adapter_config.json"));
        assertThat(lab.resume(second.folder()).progress().step()).isEqualTo(Lab.STEPS);
    }

    @Test
    void foldersThatDoNotFitAreRefusedBeforeARunFolderIsMade() throws IOException {
        Path adapter = trained();
        lab.plugins.add("other", new org.attune.kernel.fake.Scale());
        refused(
                "[{name: other, from: '" + adapter + "'}]",
                "adapter 'other' cannot begin from " + adapter + ": it holds the adapters [scale]");
        refused(from(folder), "adapter_config.json: cannot read: no such file or folder");
        Path lora = Files.createDirectory(folder.resolve("lora"));
        Files.writeString(lora.resolve("adapter_config.json"), "{\"peft_type\": \"LORA\"}");
        TensorFiles.write(lora.resolve("adapter_model.safetensors"), Map.of(), Map.of());
        refused(from(lora), "its peft_type is LORA");
        refused(
                "[{name: scale, from: [a]}]",
                "from: expected the folder of a saved adapter, or folders by name, found a list");
        refused(
                "[{name: scale, from: {a: '" + adapter + "'}}]",
                "adapter 'scale' cannot begin from {a=" + adapter + "}: it is not made of several adapters");
    }

    private void refused(String adapters, String message) {
        assertThatThrownBy(() -> lab.start("adapters", adapters))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(message);
    }

    @Test
    void parametersThatOneSideLacksAreNamed() throws IOException {
        Path adapter = trained();
        AdapterFolder saved = AdapterFolder.read(adapter);
        String one = saved.tensors().keySet().stream()
                .filter(name -> name.endsWith(".scale"))
                .findFirst()
                .orElseThrow();
        Map<String, HostTensor> tensors = new java.util.LinkedHashMap<>();
        saved.tensors().forEach((name, t) -> tensors.put(name, HostTensor.of(t.shape(), t.elements())));

        tensors.remove(one);
        TensorFiles.write(adapter.resolve("adapter_model.safetensors"), tensors, Map.of());
        failed(adapter, "adapter 'scale': " + adapter + " has no value for " + one);

        tensors.put(one, HostTensor.of(Shape.of(3), 1f, 2f, 3f));
        TensorFiles.write(adapter.resolve("adapter_model.safetensors"), tensors, Map.of());
        failed(adapter, "there are 3 saved numbers for '" + one + "', the plug-in asks for [4]");

        tensors.put(one, HostTensor.of(Shape.of(4), 1f, 2f, 3f, 4f));
        tensors.put("layer.9.query.scale", HostTensor.of(Shape.of(4), 1f, 2f, 3f, 4f));
        TensorFiles.write(adapter.resolve("adapter_model.safetensors"), tensors, Map.of());
        failed(adapter, "holds parameters that no plug-in of this spec asks for: layer.9.query.scale");
    }

    private void failed(Path adapter, String message) {
        Trial trial = Lab.ended(lab.start("adapters", from(adapter)), TrialState.FAILED);
        assertThat(trial.failure().orElseThrow()).isInstanceOf(UserError.class).hasMessageContaining(message);
    }
}
