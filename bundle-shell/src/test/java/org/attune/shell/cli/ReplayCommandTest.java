package org.attune.shell.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.attune.plugin.UserError;
import org.attune.trial.TraceReplay.Outcome;
import org.attune.trial.TraceReplay.UnknownMethod;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplayCommandTest {
    private final Harness harness = new Harness();

    @TempDir
    private Path folder;

    @BeforeEach
    void replays() throws IOException {
        for (String name : new String[] {"bad", "good", "nan", "strange"}) {
            Files.createDirectories(folder.resolve(name));
            Files.writeString(folder.resolve(name).resolve("trace.json"), "{}");
        }
        harness.replay = (trace, engine) -> switch (trace.getFileName().toString()) {
            case "good" -> new Outcome("good", engine, 8, 1e-6, 1e-5, 0, 1e-4, "");
            case "bad" -> new Outcome("bad", engine, 8, 1e-6, 1e-5, 2e-3, 1e-4, "");
            case "nan" -> new Outcome("nan", engine, 8, Double.NaN, 1e-5, 1e-4, 1e-4, "");
            case "strange" -> throw new UnknownMethod("vera", "no adapter reads peft_type VERA");
            default -> throw new UserError(trace + ": no trace");
        };
    }

    @Test
    void zeroWithinToleranceAndATableOfTheErrors() {
        assertThat(harness.attune("replay", folder.resolve("good"))).isZero();
        assertThat(harness.out().lines().skip(2))
                .containsExactly("good   cpu     1.0e-06        1.0e-05        0  1.0e-04  equal");
    }

    @Test
    void oneWhereAnErrorIsTooLargeOrUndefined() {
        assertThat(harness.attune("replay", folder.resolve("bad"))).isEqualTo(1);
        assertThat(harness.out()).contains("2.0e-03 !", "DIFFERENT");
        assertThat(harness.attune("replay", folder.resolve("nan"))).isEqualTo(1);
    }

    @Test
    void twoWithTheNameOfAnUnknownMethod() {
        assertThat(harness.attune("replay", folder.resolve("strange"), folder.resolve("good")))
                .isEqualTo(2);
        assertThat(harness.err()).hasLineCount(1).contains("\"vera\"");
        assertThat(harness.out()).contains("…", "/strange", "unknown method", "equal");
    }

    @Test
    void twoWhereThereIsNoTrace() {
        assertThat(harness.attune("replay", folder.resolve("absent"))).isEqualTo(2);
        assertThat(harness.err()).isEqualTo("attune: " + folder.resolve("absent") + ": no trace\n");
    }

    @Test
    void allTracesBelowAFolderOnAllEnginesAsJson() throws IOException {
        assertThat(harness.attune("replay", folder, "--engine", "all", "--json"))
                .isEqualTo(1);
        JsonNode summary = new ObjectMapper().readTree(harness.out());
        assertThat(summary.path("replays").findValuesAsText("verdict"))
                .containsExactly(
                        "different",
                        "different",
                        "equal",
                        "equal",
                        "different",
                        "different",
                        "unknown method",
                        "unknown method");
        assertThat(summary.path("replays").findValuesAsText("engine")).startsWith("cpu", "reference");
        assertThat(summary.path("replays").path(6).path("method").asText()).isEqualTo("vera");
        assertThat(summary.path("replays").path(4).path("loss").isNull()).isTrue();
        assertThat(summary.path("exit").asInt()).isEqualTo(1);
    }

    @Test
    void anUnknownEngineIsAMistakeThatNamesTheOthers() {
        assertThat(harness.attune("replay", folder, "--engine", "gpu")).isEqualTo(2);
        assertThat(harness.err())
                .isEqualTo("attune: --engine gpu: no such tensor engine; there are: cpu, reference, all\n");
    }
}
