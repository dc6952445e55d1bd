package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Disks that take no more: real ones, small and in memory, which the test mounts for its child processes alone. */
class FullDiskIT {
    private final Path folder = Path.of("target/it/FullDiskIT").toAbsolutePath();
    private final Path disk = folder.resolve("disk");
    private Lab lab;

    @BeforeEach
    void makeFolders() throws Exception {
        Folders.delete(folder);
        lab = new Lab(folder.resolve("lab"));
        Files.createDirectories(disk);
        assumeTrue(mounts(), "this user may not mount a disk in a namespace of its own (unshare -rm)");
    }

    private boolean mounts() throws InterruptedException {
        try {
            return new ProcessBuilder(
                                    "unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "none", disk.toString())
                            .redirectErrorStream(true)
                            .redirectOutput(folder.resolve("mount.txt").toFile())
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }

    /** Runs a script for which {@code disk} is mounted; {@code "$@"} is the command line given. */
    private Cli.Result withDisk(String options, String script, String... arguments) throws Exception {
        String mount = "mount -t tmpfs -o %s none '%s' && ".formatted(options, disk);
        return new Cli(Distribution.home(), folder, "unshare", "-rm", "sh", "-c", mount + script, "sh").run(arguments);
    }

    private String[] run(Path output) {
        return new String[] {"run", lab.specFile().toString(), "--quiet", "--set", "output=" + output};
    }

    @Test
    void aReadOnlyDiskIsNamed() throws Exception {
        Cli.Result result = withDisk("ro", "\"$@\"", run(disk.resolve("runs")));
        assertThat(result.err())
                .isEqualTo("attune: output folder " + disk.resolve("runs") + ": cannot make a run folder there ("
                        + disk.resolve("runs") + ": Read-only file system); choose a writable one with output:\n");
        assertThat(result.code()).isEqualTo(2);
    }

    @Test
    void aRunOnAFullDiskStopsAndIsResumedWhenThereIsRoom() throws Exception {
        Path undisturbed = folder.resolve("undisturbed");
        assertThat(new Cli(Distribution.home(), folder).run(run(undisturbed)).code())
                .isZero();
        String script = """
                { "$@"; echo "exit $?"; mount -o remount,size=4m '%1$s' && "$1" resume --quiet '%1$s'/tiny-*; \
                code=$?; cp -r '%1$s' '%2$s'; exit $code; }
                """.formatted(disk, folder.resolve("copy"));
        Cli.Result result = withDisk("size=40k", script, run(disk));

        assertThat(result.err())
                .matches("attune: tiny: " + disk + "/tiny-\\d+-\\d+/\\S+: cannot write: No space left on device\n");
        assertThat(result.out()).startsWith("exit 2\n");
        assertThat(result.code()).isZero();
        assertThat(Lab.losses(only(folder.resolve("copy"))))
                .hasSize(Lab.STEPS)
                .isEqualTo(Lab.losses(only(undisturbed)));
    }

    private static Path only(Path runs) throws IOException {
        try (Stream<Path> folders = Files.list(runs)) {
            return folders.findFirst().orElseThrow();
        }
    }
}
