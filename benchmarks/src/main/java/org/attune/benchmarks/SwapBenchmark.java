package org.attune.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * How long a trial pauses where the code or the method of its adapters is swapped. Starts the shell of a built distribution, has it run a
 * spec, swaps again and again, and takes the time at which each line of the run's journal appears. Prints a JSON line for each swap and
 * one with the medians: {@code gap_s}, from the end of the last step before to the end of the first after; {@code step_s}, the median
 * of the steps between swaps; their ratio; and {@code pause_s}, the gap without a step's own time.
 *
 * <p>Arguments, each {@code name=value}, are in the README.
 */
public final class SwapBenchmark {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String JOURNAL = "metrics.jsonl";

    private final Map<String, String> options = new LinkedHashMap<>();
    private final Path folder;

    /** @param at when it was seen, in seconds */
    private record Line(double at, JsonNode json) {
        boolean isStep() {
            return json.has("loss");
        }
    }

    private SwapBenchmark(String[] arguments, Path folder) {
        this.folder = folder;
        options.put("home", "");
        options.put("spec", "");
        options.put("set", "");
        options.put("swap", "code");
        options.put("targets", "[query, value]");
        options.put("former", "merged");
        options.put("swaps", "5");
        options.put("between", "12");
        options.put("seconds", "200");
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            if (pair.length != 2 || options.put(pair[0], pair[1]) == null) {
                throw new IllegalArgumentException(
                        "unknown argument '" + argument + "'; there are " + options.keySet());
            }
        }
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory("attune-swap");
        try {
            new SwapBenchmark(arguments, folder).run();
        } finally {
            try (Stream<Path> all = Files.walk(folder)) {
                all.map(Path::toFile).sorted((a, b) -> b.compareTo(a)).forEach(File::delete);
            }
        }
    }

    private void run() throws IOException, InterruptedException {
        Files.createDirectories(folder.resolve("plugins"));
        Path home = Path.of(options.get("home")).toAbsolutePath();
        ProcessBuilder shell = new ProcessBuilder(home.resolve("bin/attune").toString(), "shell")
                .redirectOutput(folder.resolve("out.txt").toFile())
                .redirectError(folder.resolve("err.txt").toFile());
        shell.environment()
                .merge("ATTUNE_OPTS", "-Dattune.plugins.dir=" + folder.resolve("plugins"), (a, b) -> a + " " + b);
        Process process = shell.start();
        try (BufferedWriter input = process.outputWriter(StandardCharsets.UTF_8)) {
            StringBuilder command =
                    new StringBuilder("run '" + Path.of(options.get("spec")).toAbsolutePath() + "'");
            List<String> settings = new ArrayList<>(List.of(
                    "output=" + folder.resolve("runs"), "evaluate.split=", "evaluate.metrics=[]", "train.epochs=1000"));
            settings.addAll(Arrays.stream(options.get("set").split(";"))
                    .filter(setting -> !setting.isEmpty())
                    .toList());
            settings.forEach(
                    setting -> command.append(" --set '").append(setting).append('\''));
            send(input, command.toString());
            measure(home, input);
        } finally {
            if (!process.waitFor(30, TimeUnit.SECONDS)) { // the end of the input ends it
                process.destroyForcibly();
            }
        }
    }

    private static void send(BufferedWriter input, String command) throws IOException {
        input.write(command);
        input.newLine();
        input.flush();
    }

    private void measure(Path home, BufferedWriter input) throws IOException, InterruptedException {
        Journal journal = new Journal();
        int between = Integer.parseInt(options.get("between"));
        for (int i = 0; i < 2 * between; i++) { // the virtual machine compiles meanwhile
            journal.step();
        }
        List<Double> own = new ArrayList<>();
        List<Double> gaps = new ArrayList<>();
        for (int swap = 1; swap <= Integer.parseInt(options.get("swaps")); swap++) {
            Line before = journal.step();
            for (int i = 0; i < between; i++) {
                Line next = journal.step();
                own.add(next.at - before.at);
                before = next;
            }
            String asked = swap(home, input, swap);
            Line line = journal.next();
            while (line.isStep()) {
                before = line;
                line = journal.next();
            }
            double noted = line.at;
            line = journal.step();
            gaps.add(line.at - before.at);
            System.out.println(
                    json(median(own), line.at - before.at).put("swap", asked).put("until_noted_s", noted - before.at));
        }
        System.out.println(json(median(own), median(gaps)).put("swaps", gaps.size()));
    }

    private static ObjectNode json(double step, double gap) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("gap_s", rounded(gap))
                .put("step_s", rounded(step))
                .put("ratio", rounded(gap / step))
                .put("pause_s", rounded(gap - step));
    }

    private static double rounded(double value) {
        return Math.round(value * 1000) / 1000.0;
    }

    private static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(v -> v).sorted().toArray();
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    private String swap(Path home, BufferedWriter input, int number) throws IOException {
        switch (options.get("swap")) {
            case "code" -> {
                drop(home, number);
                return "a new build of bundle-peft";
            }
            case "method" -> {
                String method = number % 2 == 1 ? "gralora" : "lora";
                String former = options.get("former").equals("dropped") ? " --drop" : "";
                send(input, "swap 1 --adapter " + method + " --set 'targets=" + options.get("targets") + "'" + former);
                return method;
            }
            default ->
                throw new IllegalArgumentException("swap=" + options.get("swap") + "; there are code and method");
        }
    }

    /** Another build of the bundle, with the same code and other bytes. */
    private void drop(Path home, int number) throws IOException {
        Path built;
        try (Stream<Path> jars = Files.list(home.resolve("bundle"))) {
            built = jars.filter(jar -> jar.getFileName().toString().startsWith("bundle-peft-"))
                    .findFirst()
                    .orElseThrow();
        }
        Path hidden = folder.resolve("plugins/.new");
        try (ZipInputStream from = new ZipInputStream(Files.newInputStream(built));
                OutputStream file = Files.newOutputStream(hidden);
                ZipOutputStream to = new ZipOutputStream(file)) {
            for (ZipEntry entry = from.getNextEntry(); entry != null; entry = from.getNextEntry()) {
                to.putNextEntry(new ZipEntry(entry.getName()));
                from.transferTo(to);
            }
            to.putNextEntry(new ZipEntry("META-INF/build"));
            to.write(Integer.toString(number).getBytes(StandardCharsets.UTF_8));
        }
        Files.move(hidden, folder.resolve("plugins/bundle-peft.jar"), StandardCopyOption.ATOMIC_MOVE);
    }

    /** The lines of the run's journal as they appear. */
    private final class Journal {
        private final double deadline = now() + Double.parseDouble(options.get("seconds"));
        private Path file;
        private long read;
        private String rest = "";
        private final List<Line> lines = new ArrayList<>();

        private static double now() {
            return System.nanoTime() / 1e9;
        }

        Line step() throws IOException, InterruptedException {
            Line line = next();
            while (!line.isStep()) {
                line = next();
            }
            return line;
        }

        Line next() throws IOException, InterruptedException {
            while (lines.isEmpty()) {
                look();
            }
            return lines.remove(0);
        }

        private void look() throws IOException, InterruptedException {
            if (now() > deadline) {
                throw new IllegalStateException("no line in time; the shell said "
                        + Files.readString(folder.resolve("out.txt")) + Files.readString(folder.resolve("err.txt")));
            }
            Thread.sleep(1);
            if (file == null && Files.isDirectory(folder.resolve("runs"))) {
                try (Stream<Path> runs = Files.walk(folder.resolve("runs"), 2)) {
                    file = runs.filter(path -> path.endsWith(JOURNAL))
                            .findFirst()
                            .orElse(null);
                }
            }
            if (file != null && Files.size(file) > read) {
                double at = now();
                byte[] bytes = Files.readAllBytes(file);
                String text = rest + new String(bytes, (int) read, (int) (bytes.length - read), StandardCharsets.UTF_8);
                read = bytes.length;
                int end = text.lastIndexOf('\n') + 1;
                rest = text.substring(end);
                for (String line : text.substring(0, end).lines().toList()) {
                    lines.add(new Line(at, JSON.readTree(line)));
                }
            }
        }
    }
}
