package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.trial.TrialManager;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.Golden;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Methods that act while training runs: whatever they remember comes back to the last bit when a killed run is resumed. */
class MethodResumeTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int STEPS = 18;

    @TempDir
    private Path folder;

    private final TensorEngine engine = new CpuEngine();
    private final List<TrialListener> listeners = new CopyOnWriteArrayList<>();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{name: lora, loraplus_ratio: 8}",
                "{name: lora, init: eva, targets: [query, output.dense], rho: 3}",
                "{name: adalora, init_rank: 4, target_rank: 1, t_init: 2, t_final: 5, delta_t: 2}",
                "{name: aflora, window: 2, t_init: 1, t_final: 6}",
                "{name: gradual-freezing, intervals: 6}",
                "{name: gradual-freezing, rule: fixed, first: 0.3}",
                "gradual-unfreezing",
                "{name: lp-ft, probe: 7}",
                "feature-extraction",
            })
    void aKilledRunGoesOnAsIfNothingHadBeen(String adapter) throws Exception {
        assertGoesOn(adapter, "{lr: 0.02}");
    }

    /** With parameters that come in while it runs, each of which has its own first step. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{name: adam, lr: 0.02, amsgrad: true}",
                "{name: sgd, lr: 0.1, momentum: 0.9, dampening: 0.5}",
                "{name: rmsprop, lr: 0.01, momentum: 0.5, centered: true}",
                "{name: adafactor, lr: 0.1, beta1: 0.9}",
                "{name: adafactor, lr: 0.1, form: torch}",
                "{name: lion, lr: 1e-3}",
            })
    void soDoesOneWithAnotherOptimizer(String optimizer) throws Exception {
        assertGoesOn("gradual-unfreezing", optimizer);
    }

    /** With parameters that come in, or freeze, while it runs. */
    @ParameterizedTest
    @ValueSource(strings = {"gradual-unfreezing", "{name: gradual-freezing, rule: fixed, first: 0.3}"})
    void soDoesOneThatAverages(String adapter) throws Exception {
        assertGoesOn(adapter, "{lr: 0.02}\naverage: {name: ema, decay: 0.8}");
    }

    /** @param optimizer and perhaps lines of the spec after it */
    private void assertGoesOn(String adapter, String optimizer) throws Exception {
        List<Path> copies = new ArrayList<>();
        TrialListener killer = new TrialListener() {
            @Override
            public void step(Trial trial, Progress progress) {
                if (List.of(4L, 8L, 11L, 14L).contains(progress.step())) {
                    copies.add(SmallRuns.copy(trial.folder(), folder.resolve("killed-at-" + progress.step())));
                }
            }
        };
        listeners.add(killer);
        try (ModelPool pool = new ModelPool()) {
            TrialManager trials = runs().trials(pool, listeners);
            List<String> undisturbed =
                    results(SmallRuns.ended(trials.start(spec(adapter, optimizer), Map.of(), false)));
            assertThat(undisturbed).hasSizeGreaterThan(STEPS);
            listeners.remove(killer);
            assertThat(copies).hasSize(4);
            for (Path copy : copies) {
                assertThat(results(SmallRuns.ended(trials.resume(copy, false))))
                        .as("%s", copy)
                        .isEqualTo(undisturbed);
            }
            trials.close();
        }
    }

    private SmallRuns runs() {
        return new SmallRuns(folder, engine);
    }

    private Path spec(String adapter, String optimizer) throws IOException {
        runs().writeExamples(24);
        return Files.writeString(folder.resolve("spec.yaml"), """
                engine: %s
                threads: 2
                model: %s
                data: {name: jsonl, train: train.jsonl}
                trainer: {name: classification, dropout: 0.1}
                adapters: [%s]
                optimizer: %s
                train: {epochs: 3, batch: 4, clip: 1}
                evaluate: {split: '', metrics: []}
                checkpoint: {every: 3}
                output: %s
                """.formatted(
                        engine.name(),
                        Golden.path("models/bert").toAbsolutePath().normalize(),
                        adapter,
                        optimizer,
                        folder.resolve("runs")));
    }

    /** The journal without times, and the saved adapter. */
    private static List<String> results(Path run) throws IOException {
        List<String> results = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            ObjectNode json = (ObjectNode) JSON.readTree(line);
            json.remove("seconds");
            results.add(json.toString());
        }
        results.addAll(Folders.contents(run.resolve("adapter")).values().stream()
                .map(String::valueOf)
                .toList());
        return results;
    }
}
