package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.kernel.merge.Merger;
import org.attune.kernel.plugins.Engines;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.trial.TrialManager;
import org.attune.models.source.FolderModelLoader;
import org.attune.sources.Jsonl;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.Golden;
import org.attune.trainers.CausalLm;
import org.attune.trainers.Classification;
import org.attune.trainers.MaskedLm;
import org.attune.trainers.Sequential;
import org.attune.trainers.Shuffle;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.TrialState;

/** Short runs of the real plug-ins on small models, without a framework. */
final class SmallRuns {
    private final Path folder;
    private final TensorEngine engine;
    final ClassPathPlugins plugins = new ClassPathPlugins()
            .withAdapters()
            .with("classification", new Classification())
            .with("causal-lm", new CausalLm())
            .with("masked-lm", new MaskedLm())
            .with("jsonl", new Jsonl())
            .with("sequential", new Sequential())
            .with("shuffle", new Shuffle());

    SmallRuns(Path folder, TensorEngine engine) {
        this.folder = folder;
        this.engine = engine;
    }

    /**
     * Nine steps, enough to move every parameter.
     *
     * @param classes whether three classes are learnt, rather than the next token
     * @param adapters of the spec, in YAML
     * @return the run folder
     */
    Path train(Path model, boolean classes, String adapters) throws Exception {
        return train(model, classes ? "classification" : "causal-lm", adapters);
    }

    Path train(Path model, String trainer, String adapters) throws Exception {
        return train(model, trainer, adapters, Map.of());
    }

    /** @param others values of further keys of the spec */
    Path train(Path model, String trainer, String adapters, Map<String, String> others) throws Exception {
        writeExamples(12);
        Path spec = Files.writeString(folder.resolve("spec.yaml"), """
                engine: %s
                model: %s
                data: {name: jsonl, train: train.jsonl}
                trainer: %s
                adapters: [%s]
                sampler: sequential
                optimizer: {lr: 0.05}
                schedule: {name: constant, warmup: 0}
                train: {epochs: 3, batch: 4}
                evaluate: {split: '', metrics: []}
                output: %s
                """.formatted(
                        engine.name(), model, trainer, adapters, folder.resolve("runs")));
        try (ModelPool pool = new ModelPool()) {
            TrialManager trials = trials(pool, List.of());
            Path run = ended(trials.start(spec, others, false));
            trials.close();
            return run;
        }
    }

    /**
     * The spec of twelve steps on one of the golden models: three classes are learnt with an encoder, else the next token.
     *
     * @param adapters in YAML
     * @param more further lines
     */
    Path spec(String model, String adapters, double lr, String... more) throws IOException {
        writeExamples(24);
        return Files.writeString(Files.createTempFile(folder, "spec", ".yaml"), """
                engine: %s
                model: %s
                data: {name: jsonl, train: train.jsonl}
                trainer: %s
                adapters: [%s]
                optimizer: {lr: %s, weight_decay: 0}
                train: {epochs: 2, batch: 4, clip: 1}
                evaluate: {split: '', metrics: []}
                output: %s
                %s
                """.formatted(
                        engine.name(),
                        Golden.path("models/" + model).toAbsolutePath().normalize(),
                        model.equals("bert") ? "classification" : "causal-lm",
                        adapters,
                        lr,
                        folder.resolve("runs"),
                        String.join("\n", more)));
    }

    /** Writes so many texts of three classes as {@code train.jsonl}. */
    void writeExamples(int count) throws IOException {
        StringBuilder lines = new StringBuilder();
        List<String> labels = List.of("a", "b", "c");
        for (int i = 0; i < count; i++) {
            lines.append("{\"text\": \"the house and %d other words\", \"label\": \"%s\"}%n"
                    .formatted(i * 7, labels.get(i % 3)));
        }
        Files.writeString(folder.resolve("train.jsonl"), lines);
    }

    /** What runs specs of its folder; the pool is to be closed by the caller. */
    TrialManager trials(ModelPool pool, List<TrialListener> listeners) {
        pool.add(new FolderModelLoader());
        return new TrialManager(plugins, new OneEngine(engine), pool, folder, Duration.ZERO, listeners);
    }

    /** The folder of a trial that has been completed. */
    static Path ended(Trial trial) throws InterruptedException {
        assertThat(trial.await(Duration.ofMinutes(5))).as(trial.message()).isEqualTo(TrialState.COMPLETED);
        return trial.folder();
    }

    /** A run as a kill would leave it at this moment. */
    static Path copy(Path run, Path to) {
        try {
            Folders.copy(run, to);
            return to;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** What merges their runs; the pool is to be closed by the caller. */
    Merger merger(ModelPool pool) {
        pool.add(new FolderModelLoader());
        return new Merger(plugins, new OneEngine(engine), pool);
    }

    record OneEngine(TensorEngine engine) implements Engines {
        @Override
        public Optional<TensorEngine> find(String name) {
            return Optional.of(engine);
        }

        @Override
        public List<TensorEngine> list() {
            return List.of(engine);
        }
    }
}
