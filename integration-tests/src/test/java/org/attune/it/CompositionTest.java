package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;
import static org.attune.it.AskedRuns.losses;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.kernel.plugins.ConfiguredAdapter;
import org.attune.kernel.run.AdapterFolder;
import org.attune.kernel.spec.AdapterScope;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.plugin.UserError;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.TensorFile;
import org.attune.testkit.Golden;
import org.attune.trainers.CausalLm;
import org.attune.trainers.CausalLmOptions;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several adapters on one model: of one family by their names, switched, saved and loaded together. */
class CompositionTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int STEPS = 12;
    private static final String TWO = "{name: lora, as: first, rank: 2%s}, {name: lora, as: second, rank: 3%s}";

    @TempDir
    private Path folder;

    private final TensorEngine engine = new CpuEngine();
    private SmallRuns runs;
    private AskedRuns trials;

    @BeforeEach
    void open() {
        runs = new SmallRuns(folder, engine);
        trials = new AskedRuns(runs);
    }

    @Test
    void adaptersOfOneFamilyAreTrainedSavedAndLoadedTogether() throws Exception {
        Path run = run(spec(
                TWO.formatted("", "") + ", ia3, {name: prompt-tuning, as: a, length: 2},"
                        + " {name: prompt-tuning, as: b, length: 3}",
                0.02));

        Path adapter = run.resolve("adapter");
        List<AdapterFolder.Part> parts = AdapterFolder.read(adapter).parts();
        assertThat(parts.stream().map(part -> part.ref().called())).containsExactly("first", "second", "ia3", "a", "b");
        // Each by itself in PEFT's form, with the head.
        AdapterFolder second = AdapterFolder.read(adapter.resolve("second"));
        assertThat(second.config()).containsEntry("peft_type", "LORA").containsEntry("r", 3);
        assertThat(second.tensors().keySet())
                .contains("classifier.weight", "bert.encoder.layer.1.attention.self.value.lora_B.weight")
                .noneMatch(name -> name.contains(":") || name.contains("ia3") || name.contains("prompt"));
        assertThat(AdapterFolder.read(adapter.resolve("b")).config()).containsEntry("num_virtual_tokens", 3);

        // At a learning rate of 0 the losses tell whether the model is the same.
        String all = "{name: lora, as: first, from: '%1$s'}, {name: lora, as: second, from: '%1$s'},"
                + " {name: ia3, from: '%1$s'}, {name: prompt-tuning, as: a, from: '%1$s'},"
                + " {name: prompt-tuning, as: b, from: '%1$s'}";
        String each = "{name: lora, as: x, from: '%1$s/first'}, {name: lora, as: y, from: '%1$s/second'},"
                + " {name: ia3, from: '%1$s/ia3'}, {name: prompt-tuning, as: z, from: '%1$s/a'},"
                + " {name: prompt-tuning, as: u, from: '%1$s/b'}";
        List<Double> together = losses(run(spec(all.formatted(adapter), 0)));
        assertThat(losses(run(spec(each.formatted(adapter), 0)))).isEqualTo(together);
        assertThat(together).isNotEqualTo(losses(run(spec(TWO.formatted("", ""), 0))));
    }

    /** PEFT's logits with its adapters active, one and two at once. */
    @Test
    void twoThatActAtOnceGivePeftsLogits() throws Exception {
        Path merging = Golden.path("merging");
        Path base = Golden.path("models/llama");
        try (TensorFile probe = TensorFile.open(merging.resolve("probe.safetensors"))) {
            int[] ids = probe.ints("input_ids");
            for (List<String> active : List.of(List.<String>of(), List.of("a"), List.of("c"), List.of("a", "b"))) {
                String key = active.isEmpty() ? "base" : String.join("+", active);
                try (Model model = new FolderModelLoader()
                                .load(base.toString(), base, engine, WeightForm.decoded(engine.dtype()))
                                .orElseThrow();
                        ParameterStore parameters = new ParameterStore(engine, model, 0);
                        Workers workers = new Workers(1, "probe");
                        Stepper stepper =
                                new Stepper(engine, model, parameters, workers, new StepSettings(1, 1000, 0))) {
                    Wiring wiring = new Wiring(model);
                    for (String name : active) {
                        AdapterScope scope = new AdapterScope(name);
                        AdapterFolder saved = AdapterFolder.read(merging.resolve(name));
                        parameters.restore(saved.values(model, scope), Map.of());
                        try (ConfiguredAdapter adapter = ConfiguredAdapter.ofPeft(
                                new ClassPathPlugins().withAdapters(), saved.config(), () -> {})) {
                            adapter.attach(wiring.attachment(parameters.claim(Optional.empty(), scope)));
                        }
                    }
                    Trainer.Objective objective = new CausalLm()
                            .open(
                                    new CausalLmOptions(64, 0, "", "", ""),
                                    new TrainerSetup(parameters.claim(Optional.empty()), model, List.of()));
                    List<Sample> samples = List.of(
                            new Sample(0, Arrays.copyOf(ids, 9), new int[9], new int[0]),
                            new Sample(1, Arrays.copyOfRange(ids, 9, 18), new int[9], new int[0]));
                    double[] logits = stepper.logits(new Session(objective, wiring, List.of()), samples);
                    assertThat(logits).as(key).containsExactly(probe.doubles("logits." + key), offset(1e-5));
                }
            }
        }
    }

    @Test
    void theOnlyAdapterMayHaveANameToo() throws Exception {
        Path run = run(spec("{name: lora, as: mine, rank: 2}", 0.02));
        assertThat(AdapterFolder.read(run.resolve("adapter")).config()).containsEntry("peft_type", "LORA");
        assertThat(losses(run(spec("{name: lora, as: mine, from: '" + run.resolve("adapter") + "'}", 0))))
                .isEqualTo(losses(run(spec("{name: lora, from: '" + run.resolve("adapter") + "'}", 0))));
    }

    @Test
    void twoOfOneNameAreRefused() throws Exception {
        Path twice = spec("lora, {name: lora, rank: 2}", 0.02);
        assertThatThrownBy(() -> run(twice))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(
                        "two are called 'lora'; give each a name of its own, as in {name: lora, as: second}");
        Path misnamed = spec("{name: lora, as: 'a:b'}", 0.02);
        assertThatThrownBy(() -> run(misnamed))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("as: expected a name");
    }

    @Test
    void anAdapterThatIsOffActsNoMore() throws Exception {
        String from = ", from: '" + run(spec(TWO.formatted("", ""), 0.02)).resolve("adapter") + "'";
        List<Double> both = losses(run(spec(TWO.formatted(from, from), 0)));
        List<Double> firstAlone = losses(run(spec(TWO.formatted(from, ", active: false" + from), 0)));
        assertThat(firstAlone).doesNotContainAnyElementsOf(both);

        List<Double> turned =
                losses(trials.run(spec(TWO.formatted(from, from), 0), Map.of(4L, off("second"), 8L, on("second"))));
        assertThat(turned.subList(0, 4)).isEqualTo(both.subList(0, 4));
        assertThat(turned.subList(4, 8)).isEqualTo(firstAlone.subList(4, 8));
        assertThat(turned.subList(8, STEPS)).isEqualTo(both.subList(8, STEPS));
    }

    @Test
    void aRunSaysWhatIsOffAndGoesOnFromItsCheckpointsToTheLastBit() throws Exception {
        List<Path> killed = new ArrayList<>();
        TrialListener killer = new TrialListener() {
            @Override
            public void step(Trial trial, Progress progress) {
                if (List.of(6L, 11L).contains(progress.step())) {
                    killed.add(SmallRuns.copy(trial.folder(), folder.resolve("killed-at-" + progress.step())));
                }
            }
        };
        trials.listeners.add(killer);
        Path run = trials.run(spec(TWO.formatted("", ""), 0.02), Map.of(4L, off("first"), 9L, on("first")));
        trials.listeners.remove(killer);

        JsonNode segments =
                JSON.readTree(run.resolve("provenance.json").toFile()).path("segments");
        assertThat(segments).hasSize(2);
        assertThat(segments.path(0).path("from_step").asInt()).isEqualTo(4);
        assertThat(segments.path(0).path("adapters").path(0).path("active").asBoolean(true))
                .isFalse();
        assertThat(segments.path(1).path("adapters").path(0).has("active")).isFalse();
        assertThat(Files.readString(killed.get(0).resolve("spec.yaml"))).contains("active: false");
        List<Double> goesOn = losses(trials.resumed(killed.get(1)));
        assertThat(goesOn).isEqualTo(losses(run));
        assertThat(Folders.contents(killed.get(1).resolve("adapter")))
                .isEqualTo(Folders.contents(run.resolve("adapter")));
        assertThat(losses(trials.resumed(killed.get(0)))).isNotEqualTo(losses(run)); // nobody turns it on again
    }

    @Test
    void whatCannotBeSwitchedLeavesTheTrialAsItWas() throws Exception {
        Path spec = spec("{name: lora, rank: 2}, bitfit", 0.02);
        List<Double> undisturbed = losses(run(spec));
        assertThat(losses(trials.run(spec, Map.of(4L, off("bitfit"), 6L, off("loro")))))
                .isEqualTo(undisturbed);
        List<String> refusals = trials.takeRefusals();
        assertThat(refusals).hasSize(2);
        assertThat(refusals.get(0)).contains("adapter 'bitfit'", "cannot be switched off");
        assertThat(refusals.get(1)).contains("no adapter 'loro'; the trial has lora, bitfit");
        Path alone = decoder("{name: lora, rank: 2, targets: [q_proj]}");
        List<Double> before = losses(run(alone));
        assertThat(losses(trials.run(alone, Map.of(4L, off("lora"))))).isEqualTo(before);
        assertThat(trials.takeRefusals()).hasSize(1).first().asString().contains("nothing is left to train");
        Path crowded = spec("lora, {name: prompt-tuning, length: 60, active: false}", 0.02);
        List<Double> roomy = losses(run(crowded));
        assertThat(losses(trials.run(crowded, Map.of(4L, on("prompt-tuning"))))).isEqualTo(roomy);
        assertThat(trials.takeRefusals()).hasSize(1).first().asString().contains("the adapters take 60 of them");
    }

    // ---- trials ----

    private Path run(Path spec) throws Exception {
        return trials.run(spec);
    }

    private static AskedRuns.Wish on(String adapter) {
        return (manager, trial) -> manager.turn(trial.id(), adapter, true);
    }

    private static AskedRuns.Wish off(String adapter) {
        return (manager, trial) -> manager.turn(trial.id(), adapter, false);
    }

    private Path spec(String adapters, double lr) throws IOException {
        return spec("bert", adapters, lr);
    }

    private Path decoder(String adapters) throws IOException {
        return spec("llama", adapters, 0.02);
    }

    private Path spec(String model, String adapters, double lr) throws IOException {
        return runs.spec(model, adapters, lr, "name: composed", "checkpoint: {every: 5}");
    }
}
