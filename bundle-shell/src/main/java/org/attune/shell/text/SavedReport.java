package org.attune.shell.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.attune.plugin.UserError;
import org.attune.trial.TrialReport;

/**
 * The report of a completed trial, as it lies in its run folder.
 *
 * @param name the trial's
 */
public record SavedReport(String name, TrialReport report) {
    private static final String FILE = "report.json";
    private static final ObjectMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /** @throws UserError if there is none, or none that can be read */
    public static SavedReport in(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new UserError(folder + ": no such run folder");
        }
        Path file = folder.resolve(FILE);
        if (!Files.exists(file)) {
            throw new UserError(folder + ": there is no " + FILE
                    + ", so the run is not completed or this is no run folder; a run goes on by: "
                    + Launch.command("resume", folder));
        }
        try {
            JsonNode tree = JSON.readTree(file.toFile());
            if (!tree.isObject()) {
                throw new UserError(file + ": expected the report of a trial, found "
                        + (tree.isMissingNode() ? "an empty file" : "other JSON"));
            }
            TrialReport report = JSON.treeToValue(tree, TrialReport.class);
            return new SavedReport(tree.path("name").asText(folder.getFileName().toString()), complete(report));
        } catch (JsonProcessingException e) {
            throw new UserError(
                    file + ": expected the report of a trial, found "
                            + e.getOriginalMessage().lines().findFirst().orElse("nothing"),
                    e);
        } catch (IOException e) {
            throw UserError.cannot("read", file, e);
        }
    }

    private static TrialReport complete(TrialReport report) {
        return new TrialReport(
                orEmpty(report.scores()),
                orEmpty(report.tables()),
                report.trainable(),
                report.total(),
                report.seconds(),
                report.evaluationSeconds(),
                report.peakBytes(),
                report.examples(),
                report.tokens(),
                orEmpty(report.curve()),
                report.baselines() == null ? Map.of() : report.baselines(),
                report.precision() == null ? "" : report.precision(),
                report.skippedSteps());
    }

    private static <T> List<T> orEmpty(List<T> list) {
        return list == null ? List.of() : list;
    }
}
