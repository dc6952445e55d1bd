package org.attune.kernel.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.attune.plugin.Option;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpecWriterTest {
    @TempDir
    Path folder;

    record AnyOptions(
            @Option(value = "size", defaults = "5e-3") double size,
            @Option(value = "text", defaults = "") String text,
            @Option(value = "names", defaults = "[]") List<String> names,
            @Option(value = "file", defaults = "") Path file) {}

    @Test
    void whatIsWrittenReadsBackEqualFromAnotherFolder() throws IOException {
        TrialSpec spec = read("a/spec.yaml", """
                name: every-key
                seed: -9007199254740993
                threads: 3
                engine: reference
                weights: nf4-single
                model: ../models/bert
                data: {name: d@1.2, file: data.jsonl}
                trainer: t
                adapters: [{name: a, size: 1e-9}, b]
                regularizers: r
                optimizer: {lr: 3e-5, weight_decay: 0}
                schedule: {name: cosine, warmup: 100}
                average: {name: swa, from: 0.5}
                train: {epochs: 2.5, max_steps: 7, batch: 8, clip: 1}
                evaluate: {split: "", every: 5, metrics: [m]}
                early_stopping: {metric: f1_macro}
                checkpoint: {every: 0}
                baselines: [x, y]
                output: out
                """);

        assertThat(rewritten(spec)).isEqualTo(spec);
    }

    @Test
    void defaultsAreWrittenOut() throws IOException {
        TrialSpec spec = read("a/spec.yaml", "{model: m, data: d, trainer: t}");

        String yaml = new SpecWriter().write(spec);

        assertThat(yaml)
                .contains("threads: 0\n")
                .contains("lanes: " + Runtime.getRuntime().availableProcessors() + ",")
                .contains("model: " + folder.resolve("a/m"))
                .contains("\nsampler: shuffle\n")
                .contains("\nschedule: {name: linear, warmup: 0.06}\n")
                .contains(
                        "\noptimizer: {name: adamw, lr: 0.001, beta1: 0.9, beta2: 0.999, eps: 1.0E-8, weight_decay: 0.01, amsgrad: false}\n");
        assertThat(rewritten(spec)).isEqualTo(spec);
    }

    @Test
    void boundOptionsAreWrittenWithAbsolutePathsAndBindToTheSame() throws IOException {
        TrialSpec spec = read(
                "a/spec.yaml", "{model: m, data: {name: d, file: x.csv}, trainer: t, adapters: {name: a, text: hi}}");
        OptionBinder binder = new OptionBinder();

        TrialSpec resolved = spec.withPlugins((kind, plugin) ->
                plugin.withOptions(binder.describe(binder.bind(plugin, kind, AnyOptions.class, spec.base()))));

        assertThat(resolved.data().options())
                .isEqualTo(SpecNode.of(
                        Map.of("size", 0.005, "text", "", "names", List.of(), "file", folder.resolve("a/x.csv")), ""));
        TrialSpec again = rewritten(resolved);
        assertThat(again).isEqualTo(resolved);
        assertThat(again.withPlugins((kind, plugin) -> plugin.withOptions(
                        binder.describe(binder.bind(plugin, kind, AnyOptions.class, Path.of("elsewhere"))))))
                .isEqualTo(resolved);
    }

    @Test
    void everyTextSurvives() throws IOException {
        List<String> texts = List.of(
                "null",
                "~",
                "",
                "true",
                "5",
                "5e-3",
                " a ",
                "a: b",
                "- a",
                "*",
                "&a",
                "#x",
                "a #b",
                "two\nlines\n",
                "tab\t",
                "\"'",
                "é 漢字 😀",
                "{a}",
                "[b",
                "%",
                "@x",
                "`",
                "!t",
                "\u0007",
                "\u2028",
                "---",
                "? x",
                "=",
                "<<",
                "x".repeat(5000));
        TrialSpec spec = read("a/spec.yaml", "{model: m, data: d, trainer: t}");
        TrialSpec odd = spec.withPlugins((kind, plugin) -> plugin.withOptions(Map.of("names", texts)));

        assertThat(rewritten(odd)).isEqualTo(odd);
    }

    private TrialSpec rewritten(TrialSpec spec) throws IOException {
        return read("run/other.yaml", new SpecWriter().write(spec));
    }

    private TrialSpec read(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        return new SpecReader().read(Files.writeString(file, text), Map.of());
    }
}
