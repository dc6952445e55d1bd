package org.attune.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The command line as a process of its own. */
final class Cli {
    private final Path home;
    private final Path workingFolder;
    private final List<String> prefix;
    private String options = "";

    /**
     * @param home of a distribution
     * @param prefix a program that starts the script, with its arguments; may be empty
     */
    Cli(Path home, Path workingFolder, String... prefix) {
        this.home = home;
        this.workingFolder = workingFolder;
        this.prefix = List.of(prefix);
    }

    /** The same with arguments for the virtual machine. */
    Cli withOptions(String more) {
        Cli other = new Cli(home, workingFolder, prefix.toArray(String[]::new));
        other.options = more;
        return other;
    }

    /** A process that has begun. */
    record Running(Process process, Path out, Path err) {
        Result await() throws IOException, InterruptedException {
            if (!process.waitFor(5, TimeUnit.MINUTES)) {
                process.destroyForcibly();
                throw new AssertionError("it did not end; " + Files.readString(err));
            }
            return new Result(process.exitValue(), Files.readString(out), Files.readString(err));
        }
    }

    record Result(int code, String out, String err) {}

    Running start(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.add(home.resolve("bin/attune").toString());
        command.addAll(List.of(arguments));
        Files.createDirectories(workingFolder);
        Path out = Files.createTempFile(workingFolder, "out", ".txt");
        Path err = Files.createTempFile(workingFolder, "err", ".txt");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(workingFolder.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("ATTUNE_OPTS", options);
        // What this test's own Java is told by the environment would be repeated on the standard error.
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().remove("JDK_JAVA_OPTIONS");
        return new Running(builder.start(), out, err);
    }

    Result run(String... arguments) throws IOException, InterruptedException {
        return start(arguments).await();
    }
}
