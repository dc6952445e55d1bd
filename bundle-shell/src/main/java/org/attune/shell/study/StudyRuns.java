package org.attune.shell.study;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.attune.plugin.UserError;
import org.attune.shell.text.Numbers;
import org.attune.shell.text.Terminal;

/**
 * Runs what a study lacks, each run in a process of its own, so that one's memory is its own and one's end is its own. What a run leaves
 * is moved to the place of its result when it is whole: a study that was cut off goes on.
 */
public final class StudyRuns {
    /** What is kept of a run folder: enough for a report, the times of its steps, and to run it again. */
    private static final List<String> KEPT = List.of("report.json", "metrics.jsonl", "provenance.json", "spec.yaml");

    private static final ObjectMapper JSON = new ObjectMapper();

    private final String program;
    private final Terminal terminal;
    private final BooleanSupplier interrupted;
    private final Consumer<Process> running;

    /**
     * @param program what runs a trial: {@code ./attune}
     * @param interrupted whether to end
     * @param running hears of each process that begins, to end it when this program is ended: what it has done so far counts for nothing
     */
    public StudyRuns(String program, Terminal terminal, BooleanSupplier interrupted, Consumer<Process> running) {
        this.program = program;
        this.terminal = terminal;
        this.interrupted = interrupted;
        this.running = running;
    }

    /** @return how many failed */
    public int run(List<StudyResult> wanted) throws InterruptedException {
        List<StudyResult> lacking =
                wanted.stream().filter(result -> !result.isThere()).toList();
        Clock[] clocks = {new Clock(), new Clock()};
        int failed = 0;
        for (int i = 0; i < lacking.size() && !interrupted.getAsBoolean(); i++) {
            StudyResult result = lacking.get(i);
            say((i + 1) + " of " + lacking.size() + ": " + result.called()
                    + left(lacking.subList(i, lacking.size()), clocks));
            long began = System.nanoTime();
            String fault = run(result);
            if (interrupted.getAsBoolean()) {
                break;
            }
            clocks[result.timing() ? 1 : 0].add(System.nanoTime() - began);
            if (!fault.isEmpty()) {
                failed++;
                say(result.called() + " failed: " + fault);
            }
        }
        return failed;
    }

    /** How long runs of one kind have taken. */
    private static final class Clock {
        private long nanos;
        private int runs;

        void add(long more) {
            nanos += more;
            runs++;
        }

        double mean() {
            return runs == 0 ? 0 : (double) nanos / runs;
        }
    }

    private static String left(List<StudyResult> ahead, Clock[] clocks) {
        double nanos = ahead.stream()
                .mapToDouble(result -> clocks[result.timing() ? 1 : 0].mean())
                .sum();
        return nanos == 0 ? "" : " (about " + Numbers.clock(Duration.ofNanos((long) nanos)) + " left)";
    }

    private void say(String line) {
        terminal.err().println("study: " + line);
    }

    /** @return why it failed; empty where it did not */
    private String run(StudyResult result) throws InterruptedException {
        Path folder = result.folder();
        Path work = folder.resolveSibling(folder.getFileName() + ".part");
        try {
            delete(work); // of a run that was cut off
            Files.createDirectories(work);
            Path spec = work.resolve("spec.yaml");
            Files.writeString(spec, withOutput(result.run().spec(), work.resolve("runs")));
            Path log = work.resolve("log");
            Process process = new ProcessBuilder(program, "run", spec.toString(), "--quiet")
                    .redirectOutput(Redirect.DISCARD)
                    .redirectError(log.toFile())
                    .start();
            running.accept(process);
            int code = process.waitFor();
            if (interrupted.getAsBoolean()) {
                return "";
            }
            delete(folder); // of a run that failed
            Path whole = Files.createDirectories(work.resolve("whole"));
            String fault = code == 0 ? "" : fault(log, code);
            if (fault.isEmpty()) {
                keep(work.resolve("runs"), whole);
            } else {
                Files.writeString(whole.resolve(StudyResult.FAULT), fault);
            }
            Files.move(whole, folder);
            delete(work);
            return fault;
        } catch (IOException e) {
            throw UserError.cannot("write", work, e);
        }
    }

    private static String withOutput(String spec, Path output) throws JsonProcessingException {
        return JSON.readValue(spec, ObjectNode.class)
                .put("output", output.toAbsolutePath().toString())
                .toPrettyString();
    }

    /** The last line that the program says of itself. */
    private static String fault(Path log, int code) throws IOException {
        return Files.readAllLines(log).stream()
                .filter(line -> line.startsWith("attune: "))
                .reduce((before, line) -> line)
                .map(line -> line.substring("attune: ".length()))
                .orElse("it ended with code " + code);
    }

    private static void keep(Path runs, Path to) throws IOException {
        Path folder;
        try (Stream<Path> made = Files.list(runs)) {
            folder = made.findFirst().orElseThrow(() -> new IOException("the run left no folder in " + runs));
        }
        for (String name : KEPT) {
            Files.move(folder.resolve(name), to.resolve(name));
        }
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        List<Path> inside = new ArrayList<>();
        try (Stream<Path> files = Files.walk(folder)) {
            files.forEach(inside::add);
        }
        for (int i = inside.size() - 1; i >= 0; i--) {
            Files.delete(inside.get(i));
        }
    }
}
