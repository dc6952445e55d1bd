package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.attune.kernel.plugins.Engines;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.replay.Replayer;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.attune.trainers.CausalLm;
import org.attune.trainers.Classification;
import org.attune.trial.TraceReplay;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The methods against their PyTorch and PEFT references: the same code as {@code attune replay}. */
class GoldenTraceTest {
    private static final List<TensorEngine> ENGINES = List.of(new ReferenceEngine(), new CpuEngine());

    private Replayer replayer() {
        ModelPool pool = new ModelPool();
        pool.add(new FolderModelLoader());
        ClassPathPlugins plugins = new ClassPathPlugins()
                .withAdapters()
                .with("classification", new Classification())
                .with("causal-lm", new CausalLm());
        return new Replayer(
                plugins,
                new Engines() {
                    @Override
                    public Optional<TensorEngine> find(String name) {
                        return ENGINES.stream()
                                .filter(e -> e.name().equals(name))
                                .findFirst();
                    }

                    @Override
                    public List<TensorEngine> list() {
                        return ENGINES;
                    }
                },
                pool);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bert/lora",
                "bert/rslora",
                "bert/lora-all-linear",
                "bert/lora-patterns",
                "bert/lora-plus",
                "bert/adalora",
                "bert/aflora",
                "bert/dora",
                "bert/gralora",
                "bert/gralora-hybrid",
                "bert/hra",
                "bert/ia3",
                "bert/loha",
                "bert/lokr",
                "bert/miss",
                "bert/oft",
                "bert/olora",
                "bert/pissa",
                "bert/vera",
                "bert/bitfit",
                "bert/houlsby",
                "bert/pfeiffer",
                "bert/parallel",
                "bert/parallel-learned",
                "bert/adapter-fusion",
                "bert/adapter-fusion-reg",
                "bert/compacter",
                "bert/compacter-own-rule",
                "bert/full",
                "bert/head-only",
                "llama/houlsby",
                "llama/pfeiffer",
                "llama/parallel",
                "llama/parallel-learned",
                "llama/compacter",
                "llama/dora",
                "llama/gralora",
                "llama/gralora-hybrid",
                "llama/hra",
                "llama/ia3",
                "llama/loha",
                "llama/lokr",
                "llama/ln-tuning",
                "llama/miss",
                "llama/oft",
                "llama/olora",
                "llama/pissa",
                "llama/trainable-tokens",
                "llama/vera",
                "qwen2/adalora",
                "bert/mam",
                "bert/unipelt",
                "gpt2/mam",
                "llama/mam",
                "llama/prefix-tuning",
                "llama/prompt-tuning",
                "llama/p-tuning",
                "qwen2/dora",
                "qwen2/gralora",
                "qwen2/gralora-hybrid",
                "qwen2/hra",
                "qwen2/ia3",
                "qwen2/loha",
                "qwen2/lokr",
                "qwen2/miss",
                "qwen2/oft",
                "qwen2/vera",
                "gpt2/houlsby",
                "gpt2/pfeiffer",
                "gpt2/parallel",
                "gpt2/parallel-learned",
                "gpt2/compacter",
                "gpt2/dora",
                "gpt2/gralora",
                "gpt2/gralora-hybrid",
                "gpt2/ia3",
                "gpt2/vera",
                "gpt2/prefix-tuning",
                "gpt2/prompt-tuning",
                "gpt2/p-tuning",
                "gpt2/bitfit",
                "llama/lora",
                "llama/lora-all-linear",
                "llama/lora-patterns",
                "llama/lora-plus",
                "llama/adalora",
                "llama/aflora",
                "llama/aflora-gsm8k",
                "llama/rslora",
                "llama/full",
                "qwen2/lora",
                "qwen2/rslora",
                "qwen2/full",
                "gpt2/lora",
                "gpt2/rslora",
                "gpt2/full"
            })
    void everyNumberOfTheTraceIsMet(String trace) {
        assertReplayed(Golden.path("traces/" + trace));
    }

    private void assertReplayed(Path folder) {
        for (TensorEngine engine : ENGINES) {
            TraceReplay.Outcome outcome = replayer().replay(folder, engine.name());
            assertThat(outcome.passed()).as("%s", outcome).isTrue();
            assertThat(outcome.steps()).isEqualTo(8);
        }
    }

    /** Of our own recording: prompt_traces.py made those of prompts, unipelt_trace.py the one without padding. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "bert/p-tuning-lstm",
                "bert/prefix-tuning-projected",
                "bert/prompt-tuning",
                "bert/unipelt-unpadded"
            })
    void everyNumberOfOurOwnTracesIsMet(String trace, @TempDir Path home) throws Exception {
        Path folder = Files.createDirectories(home.resolve("traces/" + trace));
        String model = "models/" + trace.replaceFirst("/.*", "");
        copy(Golden.path(model), home.resolve(model));
        copy(Path.of(GoldenTraceTest.class.getResource("/traces/" + trace).toURI()), folder);
        assertReplayed(folder);
    }

    /** A golden trace and its model, to be changed. */
    private static Path copied(String model, String method, Path home) throws IOException {
        Path trace = home.resolve("traces/" + model + "/" + method);
        copy(Golden.path("models/" + model), home.resolve("models/" + model));
        copy(Golden.path("traces/" + model + "/" + method), trace);
        return trace;
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path target = to.resolve(from.relativize(file).toString());
                Files.createDirectories(target.getParent());
                Files.copy(file, target, StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    /** The encoder is not in PEFT's files: it is drawn from the recorded seed, and has to give the prompt that is in them. */
    @Test
    void aTraceWhoseFilesLackWhatWasTrainedSaysSo(@TempDir Path home) throws IOException {
        Path trace = copied("gpt2", "p-tuning", home);
        Path json = trace.resolve("trace.json");
        Files.writeString(json, Files.readString(json).replace("\"seed\": 1,", "\"seed\": 2,"));
        assertThatThrownBy(() -> replayer().replay(trace, "reference"))
                .isInstanceOf(TraceReplay.UnknownMethod.class)
                .hasMessage("method 'p-tuning' trained 5568 numbers in this trace, whose files have 320");
    }

    @Test
    void aMethodThatNoPluginKnowsIsNamed(@TempDir Path home) throws IOException {
        Path trace = copied("bert", "lora", home);
        Path config = trace.resolve("adapter_init/adapter_config.json");
        Files.writeString(config, Files.readString(config).replace("\"LORA\"", "\"POLY\""));
        assertThatThrownBy(() -> replayer().replay(trace, "reference"))
                .isInstanceOfSatisfying(
                        TraceReplay.UnknownMethod.class,
                        e -> assertThat(e.method()).isEqualTo("lora"))
                .hasMessageContaining("POLY");
    }
}
