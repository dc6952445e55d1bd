package org.attune.shell.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.attune.shell.text.ExitCode;
import org.attune.trial.Study;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudyCommandTest {
    /** Stands for the program: leaves what a run leaves, or fails if the spec says so; notes each call. */
    private static final String PROGRAM = """
            #!/bin/sh
            value() { sed -n 's/.*"'$1'" : "\\(.*\\)".*/\\1/p' "$2"; }
            score=$(value score "$2")
            echo "$1 $score $3" >> "$0.calls"
            case $score in
                bad) echo 'warning' >&2; echo 'attune: x: no such thing' >&2; exit 2 ;;
                killed) exit 137 ;;
            esac
            run=$(value output "$2")/x-1
            mkdir -p "$run/checkpoint"
            echo '{"name": "x", "scores": [{"name": "accuracy", "value": '$score', "direction": "UP"}],' \\
                '"trainable": 1500, "total": 60000, "peakBytes": 250'$(value peak "$2")'000000}' > "$run/report.json"
            for step in '1,"loss":2,"seconds":9' '2,"loss":2,"seconds":9.1' '3,"loss":1,"seconds":9.4' '3,"split":"test"' \\
                '4,"loss":1,"seconds":9.6'
            do echo '{"step":'$step'}'; done > "$run/metrics.jsonl"
            echo '{"sittings": [{"machine": {"cpu": "Z80", "instructions": "none", "cores": 1}}]}' > "$run/provenance.json"
            cp "$2" "$run/spec.yaml"
            """;

    private final Harness harness = new Harness();

    @TempDir
    private Path folder;

    private Path calls;

    @BeforeEach
    void makeTheProgram() throws IOException {
        Path program = Files.writeString(folder.resolve("program"), PROGRAM);
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
        calls = folder.resolve("program.calls");
        System.setProperty("attune.command", program.toString());
    }

    @AfterEach
    void noProgram() {
        System.clearProperty("attune.command");
    }

    private static Study.Run run(long seed, String score) {
        return new Study.Run(
                seed, 2, "{\"score\": \"%s\", \"peak\": \"%d\"}".formatted(score, seed), "f" + score.replace('.', '_'));
    }

    private void study(Study.Variant... variants) {
        harness.studies = (file, overrides) ->
                new Study(folder.resolve("out"), List.of(0L, 1L), List.of("accuracy"), List.of(variants));
    }

    private static Study.Variant variant(String name, String first, String second) {
        return new Study.Variant(name, List.of(run(0, first), run(1, second)), List.of(run(0, "0.0")));
    }

    private List<String> called() throws IOException {
        return Files.exists(calls) ? Files.readAllLines(calls) : List.of();
    }

    @Test
    void runsEachVariantWithEachSeedAndPrintsTheTable() throws IOException {
        study(variant("lora", "0.5", "0.75"), variant("dora", "0.6", "0.7"));

        assertThat(harness.attune("study", "s.yaml")).isZero();
        String table = """
                | variant | accuracy | of seeds 0, 1 | trained | of all | ms a step | peak MB |
                |---|---:|---:|---:|---:|---:|---:|
                | lora | 0.6250 | 0.5000 0.7500 | 1,500 | 2.50 % | 250 | 2,501 |
                | dora | 0.6500 | 0.6000 0.7000 | 1,500 | 2.50 % | 250 | 2,501 |

                Steps: median, on Z80 with none, 1 cores.
                """;
        assertThat(harness.out()).isEqualTo(table);
        assertThat(folder.resolve("out/table.md")).hasContent(table);
        assertThat(called())
                .containsExactly(
                        "run 0.5 --quiet",
                        "run 0.6 --quiet",
                        "run 0.75 --quiet",
                        "run 0.7 --quiet",
                        "run 0.0 --quiet",
                        "run 0.0 --quiet");
        assertThat(harness.err().lines().map(line -> line.replaceAll(" \\(about .*", "")))
                .startsWith("study: 1 of 6: lora, seed 0", "study: 2 of 6: dora, seed 0", "study: 3 of 6: lora, seed 1")
                .endsWith("study: 6 of 6: dora, timing");
        assertThat(harness.err()).contains("study: 2 of 6: dora, seed 0 (about 0:0");
        try (Stream<Path> kept = Files.list(folder.resolve("out/runs/lora-0-f0_5"))) {
            assertThat(kept.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("report.json", "metrics.jsonl", "provenance.json", "spec.yaml");
        }
        try (Stream<Path> kept = Files.list(folder.resolve("out/runs"))) {
            assertThat(kept).as("nothing is left beside results").hasSize(6);
        }
    }

    @Test
    void aStudyThatWasCutOffGoesOn() throws IOException {
        study(variant("lora", "0.5", "0.75"));
        Path cutOff = Files.createDirectories(folder.resolve("out/runs/lora-1-f0_75.part/runs/x-0"));

        assertThat(harness.attune("study", "s.yaml", "--seeds", "0", "--no-timing"))
                .isZero();
        assertThat(harness.out()).contains("| lora | 0.5000 | 0.5000 - | 1,500 | 2.50 % | - | 2,500 |");
        assertThat(harness.attune("study", "s.yaml")).isZero();
        assertThat(called()).containsExactly("run 0.5 --quiet", "run 0.75 --quiet", "run 0.0 --quiet");
        assertThat(cutOff).doesNotExist();
    }

    @Test
    void aRunThatFailsDoesNotStopTheOthersAndIsTriedAgain() throws IOException {
        study(variant("lora", "bad", "0.75"), variant("dora", "killed", "0.7"));

        assertThat(harness.attune("study", "s.yaml", "--no-timing")).isEqualTo(ExitCode.FAULT);
        assertThat(harness.err())
                .contains(
                        "study: lora, seed 0 failed: x: no such thing\n",
                        "study: dora, seed 0 failed: it ended with code 137\n");
        assertThat(harness.out())
                .contains(
                        "| lora | 0.7500 | failed 0.7500 | 1,500 | 2.50 % | - | 2,501 |",
                        "| dora | 0.7000 | failed 0.7000 |");
        assertThat(harness.attune("study", "s.yaml", "--no-timing", "--only", "dora"))
                .isEqualTo(ExitCode.FAULT);
        assertThat(called()).hasSize(5).endsWith("run killed --quiet");
        assertThat(harness.attune("study", "s.yaml", "--table")).isZero();
        assertThat(called()).hasSize(5);
    }

    @Test
    void timesAreTakenApart() throws IOException {
        study(variant("lora", "0.5", "0.75"));

        assertThat(harness.attune("study", "s.yaml", "--timing-only")).isZero();
        assertThat(harness.out()).contains("| lora | - | - - | 1,500 | 2.50 % | 250 | - |");
        assertThat(called()).containsExactly("run 0.0 --quiet");
    }

    @Test
    void whatWasNotRunIsNotInTheTable() {
        study(variant("lora", "0.5", "0.75"), variant("dora", "0.6", "0.7"));

        assertThat(harness.attune("study", "s.yaml", "--only", "dora", "--seeds", "1", "--no-timing"))
                .isZero();
        assertThat(harness.out()).contains("| dora | 0.7000 | - 0.7000 |").doesNotContain("lora");
    }

    @Test
    void theSummaryInJsonHasEveryRun() throws IOException {
        study(variant("lora", "0.5", "bad"));

        assertThat(harness.attune("study", "s.yaml", "--json")).isEqualTo(ExitCode.FAULT);
        JsonNode summary = new ObjectMapper().readTree(harness.out());
        assertThat(summary.path("exit").asInt()).isEqualTo(1);
        JsonNode lora = summary.path("variants").path(0);
        assertThat(lora.path("variant").asText()).isEqualTo("lora");
        assertThat(lora.path("scores").path("accuracy").asDouble()).isEqualTo(0.5);
        assertThat(lora.path("stepSeconds").asDouble()).isBetween(0.2499, 0.2501);
        assertThat(lora.path("runs").findValuesAsText("state")).containsExactly("completed", "failed", "completed");
        assertThat(lora.path("runs").findValuesAsText("message")).containsExactly("x: no such thing");
        assertThat(Path.of(lora.path("runs").path(0).path("folder").asText())).isDirectory();
    }

    @Test
    void whatTheStudyHasNotIsAMistake() {
        study(variant("lora", "0.5", "0.75"));

        assertThat(harness.attune("study", "s.yaml", "--only", "lroa")).isEqualTo(ExitCode.MISTAKE);
        assertThat(harness.attune("study", "s.yaml", "--seeds", "2")).isEqualTo(ExitCode.MISTAKE);
        assertThat(harness.attune("study", "s.yaml", "--table", "--timing-only"))
                .isEqualTo(ExitCode.MISTAKE);
        assertThat(harness.err().lines())
                .startsWith(
                        "attune: --only lroa: no such variant; there are: lora",
                        "attune: --seeds 2: not one of the study's seeds; there are: 0, 1")
                .hasSize(3)
                .last()
                .asString()
                .contains("mutually exclusive");
    }

    @Test
    void aColumnThatNoRunHasIsTold() {
        harness.studies = (file, overrides) -> {
            assertThat(file).isEqualTo(Path.of("s.yaml"));
            assertThat(overrides).isEqualTo(Map.of("data.train", "9"));
            return new Study(
                    folder.resolve("out"), List.of(0L, 1L), List.of("mcc"), List.of(variant("lora", "0.5", "0.7")));
        };
        assertThat(harness.attune("study", "s.yaml", "--no-timing", "--set", "data.train=9"))
                .isZero();
        assertThat(harness.err()).endsWith("attune: columns: no run has a score 'mcc'; there are accuracy\n");
        assertThat(harness.out()).contains("| lora | - | - - | 1,500 |");
    }
}
