package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;
import static org.attune.it.AskedRuns.losses;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.Trials.Former;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A running trial is given another method. */
class MethodSwapTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int STEPS = 12;
    private static final int AT = 5;

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

    /** With a learning rate of 0 the loss of a step tells whether the model is the same. */
    @ParameterizedTest
    @CsvSource({"bert, float32, query", "llama, float32, q_proj", "bert, bfloat16, query", "llama, bfloat16, q_proj"})
    void whatWasLearntStaysWhereItIsMerged(String model, String precision, String target) throws Exception {
        Path start = run(spec(model, precision, "{name: lora, rank: 2, targets: [%s]}".formatted(target), 0.05));
        Path spec = spec(
                model,
                precision,
                "{name: lora, rank: 2, targets: [%s], from: '%s'}".formatted(target, start.resolve("adapter")),
                0);
        List<Double> undisturbed = losses(run(spec));
        List<Double> merged = losses(swapped(spec, "gralora", Map.of("targets", "[" + target + "]"), Former.MERGED));
        List<Double> dropped = losses(swapped(spec, "gralora", Map.of("targets", "[" + target + "]"), Former.DROPPED));
        double allowed = precision.equals("float32") ? 1e-5 : 2e-2;
        for (int step = 0; step < STEPS; step++) {
            assertThat(merged.get(step)).as("step %d", step + 1).isCloseTo(undisturbed.get(step), offset(allowed));
        }
        assertThat(dropped.subList(0, AT)).isEqualTo(undisturbed.subList(0, AT));
        assertThat(dropped.subList(AT, STEPS)).isNotEqualTo(undisturbed.subList(AT, STEPS));
    }

    @Test
    void theRunSaysWhatItDidAndGoesOnFromItsCheckpointsToTheLastBit() throws Exception {
        List<Path> killed = new ArrayList<>();
        TrialListener killer = new TrialListener() {
            @Override
            public void step(Trial trial, Progress progress) {
                if (List.of(AT - 1L, AT + 1L, AT + 4L).contains(progress.step())) {
                    killed.add(SmallRuns.copy(trial.folder(), folder.resolve("killed-at-" + progress.step())));
                }
            }
        };
        trials.listeners.add(killer);
        Path run = swapped(
                spec("bert", "float32", "{name: lora, rank: 2}", 0.02), "gralora", Map.of("rank", "4"), Former.MERGED);
        trials.listeners.remove(killer);

        JsonNode segment = JSON.readTree(run.resolve("provenance.json").toFile())
                .path("segments")
                .path(0);
        assertThat(segment.path("from_step").asInt()).isEqualTo(AT);
        assertThat(segment.path("former").asText()).isEqualTo("merged");
        assertThat(segment.path("adapters").path(0).path("name").asText()).isEqualTo("gralora");
        assertThat(segment.path("adapters").path(0).path("options").path("rank").asInt())
                .isEqualTo(4);
        assertThat(Files.readString(run.resolve("spec.yaml")))
                .contains("name: gralora")
                .doesNotContain("name: lora");
        JsonNode saved =
                JSON.readTree(run.resolve("adapter/adapter_config.json").toFile());
        assertThat(saved.path("merged")).hasSize(4); // query and value of two layers
        assertThat(saved.path("adapters").path(0).path("name").asText()).isEqualTo("gralora");

        assertThat(killed).hasSize(3);
        for (Path copy : killed.subList(1, 3)) {
            assertThat(losses(trials.resumed(copy))).isEqualTo(losses(run));
            assertThat(Folders.contents(copy.resolve("adapter"))).isEqualTo(Folders.contents(run.resolve("adapter")));
        }
        assertThat(losses(trials.resumed(killed.get(0)))).isNotEqualTo(losses(run)); // nobody asks again
        // Another trial can begin from it.
        Path next = spec("bert", "float32", "{name: gralora, from: '%s'}".formatted(run.resolve("adapter")), 0);
        assertThat(losses(run(next))).hasSize(STEPS);
    }

    /** Whose parameters have the names of the former's, and other shapes. */
    @ParameterizedTest
    @CsvSource({"lora, MERGED", "dora, MERGED", "lora, DROPPED"})
    void aMethodOfTheSameNamesTakesAnothersPlace(String adapter, Former former) throws Exception {
        List<Path> killed = new ArrayList<>();
        trials.listeners.add(new TrialListener() {
            @Override
            public void step(Trial trial, Progress progress) {
                if (killed.isEmpty() && progress.step() == AT + 2) {
                    killed.add(SmallRuns.copy(trial.folder(), folder.resolve("killed")));
                }
            }
        });
        Path run =
                swapped(spec("bert", "float32", "{name: lora, rank: 2}", 0.02), adapter, Map.of("rank", "4"), former);
        assertThat(losses(run)).hasSize(STEPS);
        assertThat(losses(trials.resumed(killed.get(0)))).isEqualTo(losses(run));
    }

    /** With first values that come from the data; the examples are read again, through a model that holds what was merged. */
    @Test
    void aMethodThatLooksAtTheDataTakesAnothersPlace() throws Exception {
        Path spec = spec("bert", "float32", "{name: gralora, rank: 4}", 0.02);
        Path run = swapped(spec, "lora", Map.of("init", "eva", "rank", "3"), Former.MERGED);
        assertThat(losses(run)).hasSize(STEPS);
        JsonNode saved =
                JSON.readTree(run.resolve("adapter/adapter_config.json").toFile());
        assertThat(saved.path("adapters").path(0).path("options").path("init").asText())
                .isEqualTo("eva");
        assertThat(saved.path("merged")).hasSize(4);
        Path next = spec("bert", "float32", "{name: lora, from: '%s'}".formatted(run.resolve("adapter")), 0);
        assertThat(losses(run(next))).hasSize(STEPS);
        Path few = spec("bert", "float32", "{name: gralora, rank: 4}", 0.02);
        assertThat(losses(refused(
                        few,
                        "lora",
                        Map.of("init", "eva", "rank", "60"),
                        Former.MERGED,
                        "rank times rho is 120, more than")))
                .isEqualTo(losses(run(few)));
    }

    @Test
    void whatCannotBeLeavesTheTrialAsItWas() throws Exception {
        Path spec = spec("bert", "float32", "houlsby", 0.02);
        List<Double> undisturbed = losses(run(spec));
        assertThat(losses(refused(spec, "gralora", Map.of(), Former.MERGED, "cannot be merged")))
                .isEqualTo(undisturbed);
        assertThat(losses(refused(
                        spec, "lora", Map.of("targets", "[no_such_map]"), Former.DROPPED, "'no_such_map' matches no")))
                .isEqualTo(undisturbed);
        assertThat(losses(refused(spec, "lorra", Map.of(), Former.DROPPED, "did you mean 'lora'?")))
                .isEqualTo(undisturbed);
        assertThat(losses(refused(spec, "lora", Map.of("rank", "0"), Former.DROPPED, "rank")))
                .isEqualTo(undisturbed);
        Path decoder = spec("llama", "float32", "{name: lora, rank: 2}", 0.02);
        assertThat(losses(refused(decoder, "head-only", Map.of(), Former.DROPPED, "nothing is left to train")))
                .isEqualTo(losses(run(decoder)));
    }

    /** The examples were read when there was room for them; a checkpoint of such a trial could not be resumed. */
    @Test
    void aMethodThatTakesTheirPositionsIsRefused() throws Exception {
        Path spec = spec("bert", "float32", "{name: lora, rank: 2}", 0.02);
        List<Double> undisturbed = losses(run(spec));
        for (String prompts : List.of("prompt-tuning", "p-tuning")) {
            assertThat(losses(refused(
                            spec, prompts, Map.of("length", "60"), Former.DROPPED, "and the adapters take 60 of them")))
                    .isEqualTo(undisturbed);
        }
        assertThat(losses(swapped(spec, "prompt-tuning", Map.of("length", "20"), Former.DROPPED)))
                .hasSize(STEPS);
    }

    // ---- trials ----

    private Path run(Path spec) throws Exception {
        return trials.run(spec);
    }

    /** A whole trial, which is asked to take another method after so many steps. */
    private Path swapped(Path spec, String adapter, Map<String, String> options, Former former) throws Exception {
        Path run = asked(spec, adapter, options, former);
        assertThat(trials.takeRefusals()).isEmpty();
        return run;
    }

    private Path refused(Path spec, String adapter, Map<String, String> options, Former former, String why)
            throws Exception {
        Path run = asked(spec, adapter, options, former);
        assertThat(trials.takeRefusals()).hasSize(1).first().asString().contains(why);
        return run;
    }

    private Path asked(Path spec, String adapter, Map<String, String> options, Former former) throws Exception {
        return trials.run(
                spec, Map.of((long) AT, (manager, trial) -> manager.swap(trial.id(), adapter, options, former)));
    }

    private Path spec(String model, String precision, String adapter, double lr) throws IOException {
        return runs.spec(model, adapter, lr, "name: swaps", "precision: " + precision, "checkpoint: {every: 3}");
    }
}
