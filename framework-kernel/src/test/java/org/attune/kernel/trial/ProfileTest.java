package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.attune.kernel.profile.Instrumented;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfileTest {
    private static final int STEPS = 10;

    @TempDir
    Path folder;

    private Lab lab;
    private Trial trial;

    @BeforeEach
    void profiledTrial() throws IOException {
        lab = new Lab(folder);
        lab.engines.set(0, Instrumented.of(lab.engine));
        trial = Lab.ended(lab.startProfiled(), TrialState.COMPLETED);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @Test
    void theTraceHasEveryStepAndTheWorkersCallsLieInsideThem() throws IOException {
        Map<String, JsonNode> steps = new LinkedHashMap<>();
        Map<Integer, String> threads = new LinkedHashMap<>();
        List<JsonNode> operations = new ArrayList<>();
        JsonNode trace = new ObjectMapper()
                .readTree(trial.folder().resolve("profile.json").toFile());
        for (JsonNode event : trace.path("traceEvents")) {
            if (event.path("ph").asText().equals("M")) {
                threads.put(
                        event.path("tid").asInt(),
                        event.path("args").path("name").asText());
            } else if (event.path("cat").asText().equals("operation")) {
                operations.add(event);
            } else if (event.path("name").asText().startsWith("step ")) {
                steps.put(event.path("name").asText(), event);
            }
        }
        assertThat(steps.keySet())
                .containsExactlyElementsOf(IntStream.rangeClosed(1, STEPS)
                        .mapToObj(i -> "step " + i)
                        .toList());
        assertThat(threads.values()).contains("attune-trial-1", "attune-1-worker-0", "attune-1-worker-1");
        assertThat(operations)
                .allSatisfy(o -> assertThat(
                                o.path("args").has("bytes") && o.path("args").has("flops"))
                        .isTrue());
        for (JsonNode step : steps.values()) {
            assertThat(operations)
                    .as(step.path("name").asText())
                    .anyMatch(o -> o.path("name").asText().startsWith("linear")
                            && threads.get(o.path("tid").asInt()).contains("worker")
                            && o.path("ts").asDouble() >= step.path("ts").asDouble()
                            && end(o) <= end(step));
        }
    }

    private static double end(JsonNode event) {
        return event.path("ts").asDouble() + event.path("dur").asDouble();
    }

    @Test
    void theTableAddsUp() throws IOException {
        List<String> lines = Files.readAllLines(trial.folder().resolve("profile.txt"));
        assertThat(lines.get(0)).startsWith("Floor, on 2 threads: float64 ").contains("GFLOP/s", "GB/s");
        int header = lines.indexOf(lines.stream()
                .filter(line -> line.startsWith("operation "))
                .findFirst()
                .orElseThrow());
        List<String> operations = lines.subList(header + 1, lines.size() - 2);
        String outside = lines.get(lines.size() - 2);
        String total = lines.get(lines.size() - 1);
        assertThat(total).startsWith("total ");
        assertThat(operations.stream()
                        .mapToLong(line -> Long.parseLong(cell(line, 0)))
                        .sum())
                .isEqualTo(Long.parseLong(cell(total, 0)));
        double rounding = 0.1 * lines.size();
        assertThat(operations.stream()
                                .mapToDouble(line -> Double.parseDouble(cell(line, 1)))
                                .sum()
                        + Double.parseDouble(cell(outside, 1)))
                .isCloseTo(Double.parseDouble(cell(total, 1)), within(rounding));
        assertThat(operations.stream()
                                .mapToDouble(line -> Double.parseDouble(cell(line, 2)))
                                .sum()
                        + Double.parseDouble(cell(outside, 2)))
                .isCloseTo(100, within(rounding));
    }

    /** A number after the operation's name, which has blanks of its own. */
    private static String cell(String line, int column) {
        int[] ends = {44, 55, 63};
        int[] starts = {34, 44, 55};
        return line.substring(starts[column], ends[column]).replace("%", "").trim();
    }

    @Test
    void nothingIsWrittenUnasked() throws IOException {
        Trial plain = lab.complete();
        assertThat(plain.folder().resolve("profile.json")).doesNotExist();
        assertThat(plain.folder().resolve("profile.txt")).doesNotExist();
    }
}
