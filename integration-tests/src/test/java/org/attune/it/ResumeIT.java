package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs that are stopped or killed from outside end as if nothing had happened, once they were resumed. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ResumeIT {
    private static final int STEPS = 144;

    private final Path folder = Path.of("target/it/ResumeIT").toAbsolutePath();
    private final Cli cli = new Cli(Distribution.home(), folder);
    private Lab lab;
    private Path undisturbed;

    @BeforeAll
    void runUndisturbed() throws Exception {
        Folders.delete(folder);
        lab = new Lab(folder.resolve("lab"));
        Cli.Result result = cli.run(arguments("undisturbed"));
        assertThat(result.code()).as(result.err()).isZero();
        undisturbed = runFolder("undisturbed");
        assertThat(Lab.losses(undisturbed)).hasSize(STEPS);
    }

    private String[] arguments(String output) {
        return new String[] {
            "run",
            lab.specFile().toString(),
            "--quiet",
            "--set",
            "output=" + folder.resolve(output),
            "--set",
            "engine=reference", // slow, so that the signal comes in the middle
            "--set",
            "train.epochs=12"
        };
    }

    private Path runFolder(String output) {
        try (Stream<Path> runs = Files.list(folder.resolve(output))) {
            return runs.reduce((a, b) -> {
                        throw new AssertionError("two runs: " + a + ", " + b);
                    })
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts a run and returns when its journal holds so many steps. */
    private Cli.Running startedUntil(long step, String output, Cli cli) throws IOException {
        Cli.Running running = cli.start(arguments(output));
        Await.until("step " + step, () -> {
            assertThat(running.process().isAlive())
                    .as("alive before step %s", step)
                    .isTrue();
            return Files.isDirectory(folder.resolve(output)) && journalLines(output) >= step;
        });
        return running;
    }

    private long journalLines(String output) {
        try (Stream<Path> runs = Files.list(folder.resolve(output))) {
            List<Path> journals = runs.map(r -> r.resolve("metrics.jsonl"))
                    .filter(Files::exists)
                    .toList();
            return journals.isEmpty()
                    ? 0
                    : Files.readString(journals.get(0)).lines().count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void resumesToTheSameEnd(String output) throws Exception {
        Path run = runFolder(output);
        assertThat(run.resolve("report.json")).doesNotExist();
        Cli.Result resumed = cli.run("resume", run.toString(), "--quiet");
        assertThat(resumed.code()).as(resumed.err()).isZero();
        assertThat(resumed.err()).isEmpty();
        assertThat(Lab.losses(run)).isEqualTo(Lab.losses(undisturbed));
        assertThat(Folders.contents(run.resolve("adapter")))
                .isEqualTo(Folders.contents(undisturbed.resolve("adapter")))
                .isNotEmpty();
        assertThat(run.resolve("report.json")).exists();
    }

    @ParameterizedTest
    @ValueSource(longs = {2, 50, 100})
    void aKilledRunIsResumed(long step) throws Exception {
        String output = "killed-" + step;
        Cli.Running running = startedUntil(step, output, cli);
        running.process().destroyForcibly();
        assertThat(running.await().code()).isEqualTo(137);

        resumesToTheSameEnd(output);
    }

    @Test
    void sigtermSavesACheckpoint() throws Exception {
        Cli.Running running = startedUntil(40, "terminated", cli);
        running.process().destroy();

        saysWhereItStopped(running.await(), 143, "terminated");
        resumesToTheSameEnd("terminated");
    }

    @Test
    void ctrlCSavesACheckpoint() throws Exception {
        // A build in the background hands down that it ignores the signal.
        String[] heeding = {"env", "--default-signal=INT"};
        assumeTrue(succeeds(heeding[0], heeding[1], "true"), "env here has no --default-signal");
        Cli.Running running = startedUntil(40, "interrupted", new Cli(Distribution.home(), folder, heeding));
        assertThat(succeeds("kill", "-INT", String.valueOf(running.process().pid())))
                .isTrue();

        saysWhereItStopped(running.await(), 130, "interrupted");
        resumesToTheSameEnd("interrupted");
    }

    private void saysWhereItStopped(Cli.Result result, int code, String output) {
        assertThat(result.code()).as(result.err()).isEqualTo(code);
        Path shown = folder.relativize(runFolder(output));
        assertThat(result.err())
                .matches("attune: tiny: suspended at step \\d+ of " + STEPS + "; go on by: \\S*attune resume "
                        + Pattern.quote(shown.toString()) + "\n");
    }

    private static boolean succeeds(String... command) throws InterruptedException {
        try {
            return new ProcessBuilder(command).inheritIO().start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
