package org.attune.shell.study;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.attune.evaluation.Score;
import org.attune.plugin.UserError;
import org.attune.shell.text.SavedReport;
import org.attune.trial.Study.Run;
import org.attune.trial.TrialReport;

/**
 * The place of one run's result, which holds one, or why there is none, or nothing yet.
 *
 * @param variant the row that it belongs to
 * @param timing whether only its steps' time counts
 * @param folder of this run and no other: its name ends in the run's fingerprint
 */
public record StudyResult(String variant, Run run, boolean timing, Path folder) {
    /** Says in one line why a run failed. */
    static final String FAULT = "fault.txt";

    private static final String JOURNAL = "metrics.jsonl";
    private static final ObjectMapper JSON = new ObjectMapper();

    static StudyResult of(String variant, Run run, boolean timing, Path output) {
        String kind = timing ? "timing" : Long.toString(run.seed());
        return new StudyResult(
                variant, run, timing, output.resolve("runs").resolve(variant + "-" + kind + "-" + run.fingerprint()));
    }

    /** As a message calls it. */
    String called() {
        return variant + (timing ? ", timing" : ", seed " + run.seed());
    }

    boolean isThere() {
        return Files.exists(folder.resolve("report.json"));
    }

    Optional<TrialReport> report() {
        return isThere() ? Optional.of(SavedReport.in(folder).report()) : Optional.empty();
    }

    /** Empty where it did not fail. */
    Optional<String> fault() {
        Path file = folder.resolve(FAULT);
        try {
            return Files.exists(file) ? Optional.of(Files.readString(file)) : Optional.empty();
        } catch (IOException e) {
            throw UserError.cannot("read", file, e);
        }
    }

    OptionalDouble score(String name) {
        return report().stream()
                .flatMap(report -> report.scores().stream())
                .filter(score -> score.name().equals(name))
                .mapToDouble(Score::value)
                .findFirst();
    }

    /** The median time of the steps that count, in seconds. */
    OptionalDouble stepSeconds() {
        if (!isThere()) {
            return OptionalDouble.empty();
        }
        Path journal = folder.resolve(JOURNAL);
        List<Double> steps = new ArrayList<>();
        try {
            double before = 0;
            for (String line : Files.readAllLines(journal)) {
                JsonNode entry = JSON.readTree(line);
                if (entry.has("loss") && entry.has("seconds")) {
                    double now = entry.get("seconds").asDouble(); // since the first step began
                    if (entry.get("step").asLong() > run.warmup()) {
                        steps.add(now - before);
                    }
                    before = now;
                }
            }
        } catch (IOException e) {
            throw UserError.cannot("read", journal, e);
        }
        int n = steps.size();
        steps.sort(null);
        return n == 0 ? OptionalDouble.empty() : OptionalDouble.of((steps.get((n - 1) / 2) + steps.get(n / 2)) / 2);
    }

    /** The processor and how many cores: {@code AMD EPYC with AVX2, 2 cores}. */
    Optional<String> machine() {
        Path file = folder.resolve("provenance.json");
        try {
            if (!isThere()) {
                return Optional.empty();
            }
            JsonNode machine =
                    JSON.readTree(file.toFile()).path("sittings").path(0).path("machine");
            return Optional.of(machine.path("cpu").asText() + " with "
                    + machine.path("instructions").asText() + ", "
                    + machine.path("cores").asInt() + " cores");
        } catch (IOException e) {
            throw UserError.cannot("read", file, e);
        }
    }
}
