package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The Python of this machine with the peers in it; the property {@code attune.python} names the interpreter. */
final class Python {
    private Python() {}

    /**
     * Runs one of the scripts beside this test. Where there is no Python, or it lacks a module, the running test is skipped with a
     * message.
     *
     * @param modules that the script imports
     */
    static void run(Path workingFolder, String script, List<String> modules, Object... arguments)
            throws IOException, InterruptedException {
        String python = System.getProperty("attune.python", "python3");
        try {
            Outcome imports = start(workingFolder, python, "-c", "import " + String.join(", ", modules));
            if (imports.code != 0) {
                abort(python + " lacks one of " + modules + "; -Dattune.python=PATH names another interpreter");
            }
        } catch (IOException e) {
            abort("no " + python + " here; -Dattune.python=PATH names the interpreter");
        }
        Path file = Files.createTempFile(workingFolder, "script", ".py");
        try (var in = Python.class.getResourceAsStream("/python/" + script)) {
            Files.write(file, in.readAllBytes());
        }
        List<String> command = new ArrayList<>(List.of(python, file.toString()));
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        Outcome outcome = start(workingFolder, command.toArray(String[]::new));
        assertThat(outcome.code).as(outcome.text).isZero();
    }

    private record Outcome(int code, String text) {}

    private static Outcome start(Path workingFolder, String... command) throws IOException, InterruptedException {
        Path log = Files.createTempFile(workingFolder, "python", ".log");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(workingFolder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        builder.environment().put("HF_HUB_OFFLINE", "1");
        Process process = builder.start();
        if (!process.waitFor(5, TimeUnit.MINUTES)) {
            process.destroyForcibly();
            throw new AssertionError("Python did not end; " + Files.readString(log));
        }
        return new Outcome(process.exitValue(), Files.readString(log));
    }
}
