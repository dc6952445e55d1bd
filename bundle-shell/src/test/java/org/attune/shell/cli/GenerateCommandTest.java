package org.attune.shell.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.attune.generation.Decoding;
import org.attune.model.Weights;
import org.attune.tensor.DType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerateCommandTest {
    private final Harness harness = new Harness();
    private final FakeGeneration generation = new FakeGeneration();
    private final InputStream standardInput = System.in;

    @BeforeEach
    void useTheFake() {
        harness.generation = generation;
    }

    @AfterEach
    void giveStandardInputBack() {
        System.setIn(standardInput);
    }

    private static void type(String text) {
        System.setIn(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void theTextOfOnePromptIsWrittenAlone() {
        assertThat(harness.attune("generate", "--model", "m", "hello")).isZero();
        assertThat(harness.out()).isEqualTo("HELLO\n");
        assertThat(generation.closed).isEqualTo(1);
    }

    @Test
    void optionsReachTheDecoding() {
        assertThat(harness.attune(
                        "generate",
                        "-m",
                        "m",
                        "-r",
                        "runs/x",
                        "-n",
                        "5",
                        "-t",
                        "0.5",
                        "--top-k",
                        "4",
                        "--top-p",
                        "0.9",
                        "--min-p",
                        "0.1",
                        "--repetition-penalty",
                        "1.2",
                        "--stop",
                        "a",
                        "--stop",
                        "b",
                        "--seed",
                        "9",
                        "--engine",
                        "cpu",
                        "--precision",
                        "bfloat16",
                        "--weights",
                        "nf4-single",
                        "--threads",
                        "3",
                        "x"))
                .isZero();
        assertThat(generation.decodings)
                .containsExactly(new Decoding(
                        5, new Decoding.Sampling(0.5, 4, 0.9, 0.1), Decoding.Beams.NONE, 1.2, List.of("a", "b"), 9));
        var source = generation.opened.get(0);
        assertThat(source.model()).contains("m");
        assertThat(source.trained()).contains(Path.of("runs/x"));
        assertThat(source.engine()).isEqualTo("cpu");
        assertThat(source.precision()).contains(DType.BFLOAT16);
        assertThat(source.weights()).contains(Weights.NF4_SINGLE);
        assertThat(source.threads()).isEqualTo(3);
    }

    @Test
    void severalPromptsAreWrittenOneAfterAnother(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("prompts.txt"), "one\n\ntwo\n");
        assertThat(harness.attune("generate", "-m", "m", "--file", file)).isZero();
        assertThat(harness.out()).isEqualTo("# one\nONE\n\n# two\nTWO\n");
    }

    @Test
    void standardInputIsOnePrompt() {
        type("two\nlines\n");
        assertThat(harness.attune("generate", "-m", "m")).isZero();
        assertThat(harness.out()).isEqualTo("TWO\nLINES\n");
    }

    @Test
    void aChatPromptGoesThroughTheTemplate() {
        assertThat(harness.attune("generate", "-m", "m", "--system", "be", "hi"))
                .isZero();
        assertThat(harness.out()).isEqualTo("SYSTEM:BE/USER:HI/\n");
    }

    @Test
    void jsonTellsTokensAndEnd() throws IOException {
        assertThat(harness.attune("generate", "-m", "m", "--json", "ab", "c")).isZero();
        JsonNode json = new ObjectMapper().readTree(harness.out());
        assertThat(json.size()).isEqualTo(2);
        assertThat(json.at("/0/prompt").asText()).isEqualTo("ab");
        assertThat(json.at("/0/text").asText()).isEqualTo("AB");
        assertThat(json.at("/0/end").asText()).isEqualTo("end_token");
        assertThat(json.at("/0/ids/1").asInt()).isEqualTo('b');
        assertThat(json.at("/1/tokens").asInt()).isEqualTo(1);
    }

    @Test
    void whatWouldMoveTheCursorIsNotShown() {
        assertThat(harness.attune("generate", "-m", "m", "a\u001b[2Jb\tc")).isZero();
        assertThat(harness.out()).isEqualTo("A[2JB\tC\n");
    }

    @Test
    void mistakesAreToldInOneLine(@TempDir Path folder) throws IOException {
        assertThat(harness.attune("generate", "x")).isEqualTo(2);
        assertThat(harness.err()).isEqualTo("attune: no model; name one with --model, or a run folder with --run\n");
        assertThat(harness.attune("generate", "-m", "m", "-t", "-1", "x")).isEqualTo(2);
        assertThat(harness.err()).endsWith("attune: temperature is -1.0, expected 0 or more\n");
        assertThat(harness.attune("generate", "-m", "m", "--precision", "int4", "x"))
                .isEqualTo(2);
        assertThat(harness.err()).contains("--precision int4: expected one of float64, float32, float16, bfloat16");
        assertThat(harness.attune("generate", "-m", "m", "--file", Files.createFile(folder.resolve("none"))))
                .isEqualTo(2);
        assertThat(harness.err()).endsWith("none: no prompt in it; expected one on each line\n");
        generation.template = false;
        assertThat(harness.attune("generate", "-m", "m", "--chat", "x")).isEqualTo(2);
        assertThat(harness.err()).contains("the model has no chat template");
    }

    @Test
    void aChatGoesOnFromWhatWasSaid() {
        type("hello\n\nyou\n/undo\nme\n/new\nlast\n/exit\nignored\n");
        assertThat(harness.attune("chat", "-m", "m")).isZero();
        assertThat(harness.out().split("\n"))
                .containsExactly(
                        "USER:HELLO/",
                        "USER:HELLO/ASSISTANT:USER:HELLO//USER:YOU/",
                        "USER:HELLO/ASSISTANT:USER:HELLO//USER:ME/",
                        "USER:LAST/");
        assertThat(generation.closed).isEqualTo(1);
    }

    @Test
    void aChatNeedsATemplate() {
        generation.template = false;
        assertThat(harness.attune("chat", "-m", "m")).isEqualTo(2);
        assertThat(harness.err()).contains("the model has no chat template");
        assertThat(generation.closed).isEqualTo(1);
    }
}
