package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A study whose runs are processes of the assembled system. */
class StudyIT {
    private static final int TERMINATED = 143;

    private final Path folder = Path.of("target/it/StudyIT").toAbsolutePath();
    private Lab lab;
    private Cli cli;

    @BeforeEach
    void makeLab() throws IOException {
        Folders.delete(folder);
        lab = new Lab(folder.resolve("lab"));
        cli = new Cli(Distribution.home(), folder.resolve("work"));
    }

    private String study(String variants) throws IOException {
        lab.specFile();
        return Files.writeString(folder.resolve("tiny.yaml"), """
                base: %s
                seeds: [0, 1]
                columns: [accuracy]
                timing: {steps: 2, warmup: 1}
                output: results
                variants:
                %s
                """.formatted(lab.specFile(), variants.indent(2)))
                .toString();
    }

    private List<String> results() throws IOException {
        Path runs = folder.resolve("work/results/runs");
        if (!Files.exists(runs)) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(runs)) {
            return folders.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void whatCannotRunIsSaidAndTheRestIsCompared() throws Exception {
        String study = study("""
                lora: {evaluate.metrics: [accuracy], train.max_steps: 3}
                wrong: {evaluate.metrics: [accuracy], adapters: lorra}
                """);
        Cli.Result result = cli.run("study", study);

        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err())
                .contains(
                        "study: 1 of 6: lora, seed 0\n",
                        "study: wrong, seed 1 failed: ",
                        "no adapter 'lorra' is installed");
        assertThat(result.out())
                .containsPattern(
                        "\\| lora \\| 0\\.\\d{4} \\| 0\\.\\d{4} 0\\.\\d{4} \\| [0-9,]+ \\| \\d+\\.\\d\\d % \\| \\d+ \\| \\d+ \\|")
                .contains("| wrong | - | failed failed | - | - | failed | - |", "Steps: median, on ");
        assertThat(folder.resolve("work/results/table.md")).hasContent(result.out());
        assertThat(cli.run(
                                "report",
                                folder.resolve("work/results/runs/" + results().get(0))
                                        .toString())
                        .out())
                .contains("accuracy");
        Cli.Result again = cli.run("study", study, "--only", "lora");
        assertThat(again.err()).isEmpty();
        assertThat(again.out()).isEqualTo(result.out());
    }

    @Test
    void oneThatIsStoppedStopsItsRunAndGoesOnLater() throws Exception {
        String study = study("""
                short: {evaluate.metrics: [accuracy], train.max_steps: 3}
                long: {evaluate.metrics: [accuracy], train.epochs: 60}
                """);
        Cli.Running running = cli.start("study", study, "--no-timing", "--seeds", "0");
        Path long0 = folder.resolve("work/results/runs");
        Await.until("the second run trains", () -> started(long0));
        List<ProcessHandle> runs = running.process().descendants().toList();
        running.process().destroy();
        assertThat(running.await().code()).isEqualTo(TERMINATED);
        Await.until("its run has ended too", () -> runs.stream().noneMatch(ProcessHandle::isAlive));
        assertThat(results())
                .filteredOn(name -> !name.endsWith(".part"))
                .singleElement()
                .asString()
                .startsWith("short-0-");

        Cli.Result result = cli.run("study", study, "--no-timing", "--seeds", "0");
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.err()).startsWith("study: 1 of 1: long, seed 0\n");
        assertThat(results()).hasSize(2).noneMatch(name -> name.endsWith(".part"));
        assertThat(result.out())
                .containsPattern("\\| short \\| 0\\.\\d{4} \\| 0\\.\\d{4} - ")
                .contains("| long | ");
    }

    /** Whether the journal of the long run, which is not complete, has a line. */
    private static boolean started(Path runs) {
        if (!Files.exists(runs)) {
            return false;
        }
        try (Stream<Path> files = Files.walk(runs)) {
            return files.anyMatch(f -> f.toString().matches(".*/long-0-\\w+\\.part/runs/.*/metrics\\.jsonl"));
        } catch (IOException | UncheckedIOException e) {
            return false; // a folder went away while we looked
        }
    }
}
