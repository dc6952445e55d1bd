package org.attune.shell.study;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.attune.evaluation.Score;
import org.attune.plugin.UserError;
import org.attune.shell.text.Numbers;
import org.attune.trial.Study;
import org.attune.trial.TrialReport;

/** What the runs of a study gave, a row a variant. */
public final class StudyTable {
    private static final String MISSING = "-";

    private final Study study;
    private final List<Row> rows;

    /** The results of a variant, there or not. */
    private record Row(String variant, List<StudyResult> seeds, List<StudyResult> timing) {
        Stream<StudyResult> all() {
            return Stream.concat(seeds.stream(), timing.stream());
        }

        /** Of the runs over seeds that are there, or else of a timing run, which has as many parameters. */
        List<TrialReport> reports() {
            return all().flatMap(result -> result.report().stream()).toList();
        }

        OptionalDouble mean(String score) {
            return seeds.stream()
                    .flatMapToDouble(result -> result.score(score).stream())
                    .average();
        }

        /** The largest, in bytes, of whole runs. */
        long peak() {
            return seeds.stream()
                    .flatMap(result -> result.report().stream())
                    .mapToLong(TrialReport::peakBytes)
                    .max()
                    .orElse(0);
        }

        OptionalDouble step() {
            return timing.stream()
                    .flatMapToDouble(result -> result.stepSeconds().stream())
                    .findFirst();
        }
    }

    public StudyTable(Study study) {
        this.study = study;
        this.rows = study.variants().stream()
                .map(variant -> new Row(
                        variant.name(),
                        variant.runs().stream()
                                .map(run -> StudyResult.of(variant.name(), run, false, study.output()))
                                .toList(),
                        variant.timing().stream()
                                .map(run -> StudyResult.of(variant.name(), run, true, study.output()))
                                .toList()))
                .toList();
    }

    /** The places of all results: those of the first seed, then of the next, at last those that take times. */
    public List<StudyResult> results() {
        List<StudyResult> results = new ArrayList<>();
        for (int seed = 0; seed < study.seeds().size(); seed++) {
            for (Row row : rows) {
                results.add(row.seeds.get(seed));
            }
        }
        rows.forEach(row -> results.addAll(row.timing));
        return results;
    }

    /** Rows that have something to show. */
    private List<Row> filled() {
        return rows.stream()
                .filter(row -> row.all()
                        .anyMatch(result -> result.isThere() || result.fault().isPresent()))
                .toList();
    }

    /** Markdown; variants of which nothing has been run are left out. */
    public String markdown() {
        List<String> header = new ArrayList<>(List.of("variant"));
        String seeds = study.seeds().stream().map(String::valueOf).collect(Collectors.joining(", "));
        for (String column : study.columns()) {
            header.add(column);
            header.add((study.seeds().size() == 1 ? "of seed " : "of seeds ") + seeds);
        }
        header.addAll(List.of("trained", "of all", "ms a step", "peak MB"));
        StringBuilder text = new StringBuilder();
        line(text, header);
        text.append("|---").append("|---:".repeat(header.size() - 1)).append("|\n");
        for (Row row : filled()) {
            line(text, cells(row));
        }
        return text.append(caption()).toString();
    }

    private static void line(StringBuilder text, List<String> cells) {
        text.append("| ").append(String.join(" | ", cells)).append(" |\n");
    }

    private List<String> cells(Row row) {
        List<String> cells = new ArrayList<>(List.of(row.variant));
        for (String column : study.columns()) {
            cells.add(number(row.mean(column)));
            cells.add(row.seeds.stream()
                    .map(result -> result.fault().isPresent() ? "failed" : number(result.score(column)))
                    .collect(Collectors.joining(" ")));
        }
        List<TrialReport> reports = row.reports();
        if (reports.isEmpty()) {
            cells.addAll(List.of(MISSING, MISSING));
        } else {
            TrialReport any = reports.get(0);
            cells.add(Numbers.whole(any.trainable()));
            cells.add(Numbers.share(any.trainable(), any.total()));
        }
        boolean failed = row.timing.stream().anyMatch(result -> result.fault().isPresent());
        cells.add(
                failed
                        ? "failed"
                        : row.step().stream()
                                .mapToObj(seconds -> String.format(Locale.ROOT, "%.0f", 1000 * seconds))
                                .findFirst()
                                .orElse(MISSING));
        cells.add(row.peak() == 0 ? MISSING : Numbers.whole(Math.round(row.peak() / 1e6)));
        return cells;
    }

    private static String number(OptionalDouble value) {
        return value.isPresent() ? Numbers.score(value.getAsDouble()) : MISSING;
    }

    /** On what the times were taken; empty without any. */
    private String caption() {
        TreeSet<String> machines = rows.stream()
                .flatMap(row -> row.timing.stream())
                .flatMap(result -> result.machine().stream())
                .collect(Collectors.toCollection(TreeSet::new));
        return machines.isEmpty() ? "" : "\nSteps: median, on " + String.join("; ", machines) + ".\n";
    }

    /** Columns that no finished run has a score for, each in a line; empty where nothing has been finished. */
    public List<String> unknownColumns() {
        TreeSet<String> known = rows.stream()
                .flatMap(row -> row.seeds.stream())
                .flatMap(result -> result.report().stream())
                .flatMap(report -> report.scores().stream())
                .map(Score::name)
                .collect(Collectors.toCollection(TreeSet::new));
        return study.columns().stream()
                .filter(column -> !known.isEmpty() && !known.contains(column))
                .map(column -> "columns: no run has a score '" + column + "'; there are " + String.join(", ", known))
                .toList();
    }

    public ArrayNode json() {
        ArrayNode all = JsonNodeFactory.instance.arrayNode();
        for (Row row : rows) {
            ObjectNode one = all.addObject().put("variant", row.variant);
            ObjectNode scores = one.putObject("scores");
            for (String column : study.columns()) {
                row.mean(column).ifPresent(mean -> put(scores, column, mean));
            }
            row.reports().stream()
                    .findFirst()
                    .ifPresent(
                            report -> one.put("trainable", report.trainable()).put("total", report.total()));
            row.step().ifPresent(seconds -> put(one, "stepSeconds", seconds));
            if (row.peak() > 0) {
                one.put("peakBytes", row.peak());
            }
            ArrayNode runs = one.putArray("runs");
            row.all().forEach(result -> describe(result, runs.addObject()));
        }
        return all;
    }

    private void describe(StudyResult result, ObjectNode run) {
        run.put("kind", result.timing() ? "timing" : "scores")
                .put("seed", result.run().seed());
        run.put("folder", result.folder().toString());
        String fault = result.fault().orElse(null);
        run.put("state", fault != null ? "failed" : result.isThere() ? "completed" : "missing");
        if (fault != null) {
            run.put("message", fault);
        }
        if (!result.timing()) {
            study.columns().forEach(column -> result.score(column).ifPresent(value -> put(run, column, value)));
        }
    }

    /** JSON has no NaN. */
    private static void put(ObjectNode target, String key, double value) {
        if (Double.isFinite(value)) {
            target.put(key, value);
        } else {
            target.putNull(key);
        }
    }

    /** Writes {@code table.md} into the study's folder. */
    public void write() {
        Path file = study.output().resolve("table.md");
        try {
            Files.createDirectories(Objects.requireNonNull(file.getParent()));
            Files.writeString(file, markdown());
        } catch (IOException e) {
            throw UserError.cannot("write", file, e);
        }
    }
}
