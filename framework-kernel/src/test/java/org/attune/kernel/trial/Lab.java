package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.attune.kernel.fake.Classes;
import org.attune.kernel.fake.FakePlugins;
import org.attune.kernel.fake.Fakes;
import org.attune.kernel.fake.Numbers;
import org.attune.kernel.fake.Scale;
import org.attune.kernel.fake.TinyModel;
import org.attune.kernel.plugins.Engines;
import org.attune.kernel.plugins.ModelPool;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.TrialState;

/** A kernel without a framework: fakes for the plug-ins, the reference engine, trials in a temporary folder. */
final class Lab implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration LONG = Duration.ofMinutes(2);
    /** 20 examples in batches of 6: an epoch has 4 steps, the whole 10. */
    static final int STEPS = 10;

    private static final String SPEC = """
            name: lab
            seed: 5
            threads: 2
            engine: reference
            model: tiny:model
            data: {name: numbers}
            trainer: classes
            adapters: [{name: scale}]
            regularizers: [pull]
            sampler: shuffle
            optimizer: {lr: 0.05}
            train: {epochs: 2.5, batch: 6, micro_tokens: 5, lanes: 3, clip: 1}
            evaluate: {split: test, every: 2, metrics: [right]}
            checkpoint: {every: 3}
            """;

    final ReferenceEngine engine = new ReferenceEngine();
    final List<TensorEngine> engines = new CopyOnWriteArrayList<>(List.of(engine));
    final ModelPool pool = new ModelPool();
    final List<TinyModel> models = new ArrayList<>();
    /** Of the first layer of models that are loaded from now on. */
    double dropout = 0.25;

    final FakePlugins plugins = new FakePlugins();
    final Classes classes = new Classes();
    final Numbers numbers = new Numbers();
    final List<TrialListener> listeners = new CopyOnWriteArrayList<>();
    final TrialManager trials;
    private final Path folder;

    Lab(Path folder) {
        this(folder, LONG);
    }

    /** @param replacement how long a trial that waits waits */
    Lab(Path folder, Duration replacement) {
        this.folder = folder;
        plugins.add("classes", classes);
        plugins.add("numbers", numbers);
        plugins.add("scale", new Scale());
        plugins.add("pull", new Fakes.Pull());
        plugins.add("shuffle", new Fakes.Shuffle(i -> i));
        plugins.add("right", new Fakes.Right());
        pool.add((source, base, on, form) -> {
            models.add(new TinyModel(on, form.matrices(), dropout));
            return Optional.of(models.get(models.size() - 1));
        });
        trials = new TrialManager(plugins, new Present(engines), pool, folder, replacement, listeners);
    }

    private record Present(List<TensorEngine> list) implements Engines {
        @Override
        public Optional<TensorEngine> find(String name) {
            return list.stream().filter(e -> e.name().equals(name)).findFirst();
        }
    }

    /** Starts a trial that waits for plug-ins. @param overrides pairs of key and value */
    Trial start(String... overrides) {
        return start(true, overrides);
    }

    Trial startProfiled() {
        return start(true, true);
    }

    Trial start(boolean waits, String... overrides) {
        return start(waits, false, overrides);
    }

    private Trial start(boolean waits, boolean profile, String... overrides) {
        try {
            Files.createDirectories(folder);
            Path spec = Files.writeString(folder.resolve("lab.yaml"), SPEC);
            Map<String, String> values = new LinkedHashMap<>();
            values.put("output", folder.resolve("runs").toString());
            for (int i = 0; i < overrides.length; i += 2) {
                values.put(overrides[i], overrides[i + 1]);
            }
            return trials.start(spec, values, waits, profile);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Trial ended(Trial trial, TrialState state) {
        try {
            TrialState last = trial.await(LONG);
            assertThat(last).as(trial.message()).isEqualTo(state);
            return trial;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    Trial complete(String... overrides) {
        return ended(start(overrides), TrialState.COMPLETED);
    }

    Trial resume(Path run) {
        return ended(trials.resume(run, true), TrialState.COMPLETED);
    }

    /** Calls {@code action} once, after a step, on the trial's thread. */
    void atStep(long step, Consumer<Trial> action) {
        listeners.add(new TrialListener() {
            private boolean done;

            @Override
            public void step(Trial trial, Progress progress) {
                if (progress.step() == step && !done) {
                    done = true;
                    action.accept(trial);
                }
            }
        });
    }

    /** Calls {@code action} whenever a trial comes into a state, on the trial's thread. */
    void when(TrialState state, Consumer<Trial> action) {
        listeners.add(new TrialListener() {
            @Override
            public void changed(Trial trial, TrialState to, String message) {
                if (to == state) {
                    action.accept(trial);
                }
            }
        });
    }

    /** On another thread, as a framework would; waits for it. */
    static void elsewhere(Runnable action) {
        Thread thread = new Thread(action, "framework");
        thread.start();
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /**
     * What a run is to give whatever befell it: the lines of its journal but for times and swaps, and its adapter to the last
     * bit.
     */
    static List<String> results(Path run) {
        try {
            List<String> results = new ArrayList<>();
            for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
                ObjectNode json = (ObjectNode) JSON.readTree(line);
                json.remove("seconds");
                if (!json.has("plugins")) {
                    results.add(json.toString());
                }
            }
            results.add(Base64.getEncoder()
                    .encodeToString(Files.readAllBytes(run.resolve("adapter/adapter_model.safetensors"))));
            return results;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What a process that is killed now would leave. */
    Path killed(Trial trial) {
        Path copy = folder.resolve("killed-at-" + trial.progress().step());
        try (Stream<Path> files = Files.walk(trial.folder())) {
            for (Path file : files.toList()) {
                if (Files.exists(file)) {
                    Files.copy(file, copy.resolve(trial.folder().relativize(file)));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return copy;
    }

    @Override
    public void close() {
        try {
            trials.close();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        pool.close();
        assertThat(plugins.inUse()).as("plug-ins in use after all trials").isZero();
        assertThat(engine.stats().liveBytes()).as("live bytes after all trials").isZero();
    }
}
