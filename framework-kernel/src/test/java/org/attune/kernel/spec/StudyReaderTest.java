package org.attune.kernel.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.attune.plugin.UserError;
import org.attune.trial.Study;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StudyReaderTest {
    private static final String STUDY = """
            base: specs/base.yaml
            seeds: [3, 1]
            columns: [accuracy, mcc]
            timing: {steps: 5, warmup: 2}
            variants:
              lora: {adapters: [{name: lora, rank: 4}], optimizer.lr: 5e-3}
              head:
              wide:
                adapters.0.rank: 16
            """;

    @TempDir
    Path folder;

    private Path base;

    @BeforeEach
    void writeBase() throws IOException {
        base = Files.createDirectory(folder.resolve("specs")).resolve("base.yaml");
        Files.writeString(base, """
                # of the base
                model: m
                data: {name: d, train: t.jsonl}
                trainer: t
                adapters: [{name: lora, rank: 8}]
                early_stopping: {metric: accuracy}
                evaluate: {every: 5}
                output: elsewhere
                """);
    }

    private Study read(String text, Map<String, String> overrides) throws IOException {
        return new StudyReader().read(Files.writeString(folder.resolve("mine.yaml"), text), overrides);
    }

    private Study read(String text) throws IOException {
        return read(text, Map.of());
    }

    /** As a run of it reads it, from another folder. */
    private TrialSpec spec(Study.Run run) throws IOException {
        Path file = Files.createDirectories(folder.resolve("runs")).resolve("spec.yaml");
        return new SpecReader().read(Files.writeString(file, run.spec()), Map.of());
    }

    @Test
    void aVariantIsTheBaseWithItsSettings() throws IOException {
        Study study = read(STUDY);

        assertThat(study.output()).isEqualTo(Path.of("studies/mine"));
        assertThat(study.seeds()).containsExactly(3L, 1L);
        assertThat(study.columns()).containsExactly("accuracy", "mcc");
        assertThat(study.variants()).extracting(Study.Variant::name).containsExactly("lora", "head", "wide");
        TrialSpec lora = spec(study.variants().get(0).runs().get(1));
        assertThat(lora.name()).isEqualTo("lora");
        assertThat(lora.seed()).isEqualTo(1);
        assertThat(lora.optimizer().lr()).isEqualTo(5e-3);
        assertThat(lora.adapters().get(0).options()).isEqualTo(rank("4"));
        assertThat(lora.model()).isEqualTo(folder.resolve("specs/m").toString());
        assertThat(lora.base()).isEqualTo(folder.resolve("specs"));
        assertThat(spec(study.variants().get(1).runs().get(0)).adapters().get(0).options())
                .isEqualTo(rank("8"));
        assertThat(spec(study.variants().get(2).runs().get(0)).adapters().get(0).options())
                .isEqualTo(rank("16"));
    }

    private static SpecNode rank(String rank) {
        return SpecNode.of(Map.of("rank", rank), "");
    }

    @Test
    void aTimingRunHasStepsOfTheFirstSeedAndNothingElse() throws IOException {
        Study.Run timing = read(STUDY).variants().get(0).timing().get(0);

        assertThat(timing.warmup()).isEqualTo(2);
        TrialSpec spec = spec(timing);
        assertThat(spec.seed()).isEqualTo(3);
        assertThat(spec.train().maxSteps()).isEqualTo(7);
        assertThat(spec.evaluate()).isEqualTo(new TrialSpec.Evaluate("", 0, List.of()));
        assertThat(spec.earlyStopping()).isEmpty();
        assertThat(spec.checkpoint().every()).isZero();
        assertThat(read(STUDY.replace("steps: 5", "steps: 0")).variants().get(0).timing())
                .isEmpty();
    }

    @Test
    void aRunIsTheSameByWhatItDoesNotByHowThatIsWritten() throws IOException {
        String first = fingerprint(read(STUDY));
        Files.writeString(
                base,
                Files.readString(base)
                        .replace("# of the base\n", "name: other\n")
                        .replace("output: elsewhere", "output: here")
                        .replace("{name: d, train: t.jsonl}", "{train: t.jsonl, name: 'd'}"));
        assertThat(fingerprint(read(STUDY.replace("[3, 1]", "[1]").replace("mcc", "f1"))))
                .isEqualTo(first);
        assertThat(fingerprint(read(STUDY.replace("5e-3", "4e-3")))).isNotEqualTo(first);
        assertThat(fingerprint(read(STUDY, Map.of("train.batch", "4")))).isNotEqualTo(first);
        assertThat(spec(read(STUDY, Map.of("train.batch", "4"))
                                .variants()
                                .get(0)
                                .runs()
                                .get(0))
                        .train()
                        .batch())
                .isEqualTo(4);
    }

    /** Of variant lora with seed 1. */
    private static String fingerprint(Study study) {
        List<Study.Run> runs = study.variants().get(0).runs();
        return runs.get(runs.size() - 1).fingerprint();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    columns: [ | colums: [ | :3: unknown key 'colums', did you mean 'columns'? Known keys: base, seeds, variants, columns, timing, output
                    [3, 1] | [three] | :2: seeds: expected a list of integers, found 'three'
                    [3, 1] | [] | :2: seeds: expected at least one, found none
                    steps: 5 | steps: -1 | :4: timing.steps must be >= 0 and <= 100000, found -1
                    steps: 5 | stesp: 5 | :4: timing: unknown key 'stesp', did you mean 'steps'? Known keys: steps, warmup
                    lora: { | a/b: { | :6: variants: expected a name of up to 100 letters, digits, '.', '_' or '-' (it names a folder), found 'a/b'
                    head: | head: none | :7: variants.head: expected a mapping such as '{adapters.0.rank: 8}', found 'none'
                    head: | head: {seed: 1} | :7: variants.head: the study decides 'seed', leave it out
                    head: | head: {optimizer.rl: 1} | :7: optimizer: unknown key 'rl', did you mean 'lr'? Known keys: name, lr, beta1, beta2, eps, weight_decay, amsgrad
                    head: | head: {adapters.rank: 1} | :7: adapters.rank: adapters is a list: say which entry, for example adapters.0.rank
                    head: | head: {0: 1} | :7: 0: expected a key such as train.batch or adapters.0.rank
                    """)
    void mistakesAreToldWithTheirPlace(String from, String to, String message) {
        assertThatThrownBy(() -> read(STUDY.replace(from, to)))
                .isInstanceOf(UserError.class)
                .hasMessage(folder.resolve("mine.yaml") + message);
    }

    @Test
    void whatIsMissingIsTold() {
        assertThatThrownBy(() -> read("seeds: [1]\nvariants: {a: }\n"))
                .hasMessage(
                        folder.resolve("mine.yaml")
                                + ":1: base is missing: expected text (the spec that all variants change, from the study's folder)");
        assertThatThrownBy(() -> read("base: specs/base.yaml\n"))
                .hasMessage(folder.resolve("mine.yaml")
                        + ":1: variants is missing: expected names with settings, for example 'variants: {lora:"
                        + " {adapters.0.rank: 8}}'");
        assertThatThrownBy(() -> read("base: absent.yaml\nvariants: {a: }\n"))
                .hasMessage(folder.resolve("absent.yaml") + ": no such file");
        assertThatThrownBy(() -> read("base: specs/base.yaml\nvariants: {a: {data: }}\n"))
                .hasMessageContaining("data is missing");
    }
}
