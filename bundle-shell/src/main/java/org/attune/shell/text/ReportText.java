package org.attune.shell.text;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.evaluation.Score;
import org.attune.evaluation.Score.Direction;
import org.attune.evaluation.Table;
import org.attune.trial.TrialReport;

/** A trial's report as a person reads it: the headline scores first, then everything else. */
public final class ReportText {
    /** Larger tables are shown when asked for. */
    private static final int SMALL_TABLE = 10;

    private static final Map<String, String> HEADLINES = Map.of("accuracy", "accuracy", "f1_macro", "macro-F1");

    private ReportText() {}

    /**
     * @param name the trial's
     * @param allTables whether large tables are shown too
     */
    public static String of(String name, TrialReport report, Path folder, boolean allTables, int width, Glyphs glyphs) {
        StringBuilder text = new StringBuilder();
        text.append(headline(name, report.scores())).append("\n\n");
        if (!report.scores().isEmpty()) {
            text.append(scores(report, width, glyphs)).append('\n');
        }
        for (Table table : report.tables()) {
            text.append(table(table, folder, allTables, width, glyphs)).append('\n');
        }
        String chart = LineChart.render(report.curve(), width, glyphs);
        if (!chart.isEmpty()) {
            text.append("training loss by step\n").append(chart).append('\n');
        }
        return text.append(facts(report, folder, glyphs)).toString();
    }

    /** {@code quickstart: accuracy 0.7640, macro-F1 0.6930}; the first two scores where these are not measured. */
    private static String headline(String name, List<Score> scores) {
        List<String> parts = new ArrayList<>();
        for (String headline : List.of("accuracy", "f1_macro")) {
            find(scores, headline)
                    .ifPresent(score -> parts.add(HEADLINES.get(headline) + " " + Numbers.score(score.value())));
        }
        if (parts.isEmpty()) {
            scores.stream().limit(2).forEach(score -> parts.add(score.name() + " " + Numbers.score(score.value())));
        }
        return name + ": " + (parts.isEmpty() ? "completed, nothing was measured" : String.join(", ", parts));
    }

    private static String scores(TrialReport report, int width, Glyphs glyphs) {
        List<String> baselines = report.baselines().keySet().stream().sorted().toList();
        List<String> header = new ArrayList<>(List.of("score", "better", "fine-tuned"));
        header.addAll(baselines);
        TextTable table = new TextTable(header);
        for (Score score : report.scores()) {
            List<String> row = new ArrayList<>();
            row.add(score.name());
            row.add(score.direction() == Direction.UP ? glyphs.up : glyphs.down);
            row.add(Numbers.score(score.value()));
            for (String baseline : baselines) {
                row.add(find(report.baselines().get(baseline), score.name())
                        .map(other -> Numbers.score(other.value()))
                        .orElse("-"));
            }
            table.row(row);
        }
        return table.render(width, glyphs);
    }

    private static Optional<Score> find(List<Score> scores, String name) {
        return scores.stream().filter(score -> score.name().equals(name)).findFirst();
    }

    private static String table(Table table, Path folder, boolean all, int width, Glyphs glyphs) {
        if (!all && (table.rows().size() > SMALL_TABLE || table.header().size() > SMALL_TABLE + 1)) {
            return table.title() + ": " + table.rows().size() + " x "
                    + table.header().size() + ", shown by: " + Launch.command("report --tables", folder) + "\n";
        }
        TextTable text = new TextTable(table.header());
        table.rows().forEach(text::row);
        return table.title() + "\n" + text.render(width, glyphs);
    }

    private static String facts(TrialReport report, Path folder, Glyphs glyphs) {
        String dot = " " + glyphs.dot + " ";
        String skipped =
                report.skippedSteps() == 0 ? "" : dot + Numbers.whole(report.skippedSteps()) + " steps skipped";
        double rate = report.seconds() == 0 ? 0 : report.examples() / report.seconds();
        return "trained      " + Numbers.whole(report.trainable()) + " of " + Numbers.whole(report.total())
                + " parameters (" + Numbers.share(report.trainable(), report.total()) + ")\n"
                + "training     " + Numbers.seconds(report.seconds()) + dot + Numbers.rate(rate) + " examples/s" + dot
                + Numbers.whole(report.examples()) + " examples" + dot + Numbers.whole(report.tokens()) + " tokens\n"
                + "evaluation   " + Numbers.seconds(report.evaluationSeconds()) + "\n"
                + (report.precision().isEmpty() ? "" : "precision    " + report.precision() + skipped + "\n")
                + "peak memory  " + Numbers.bytes(report.peakBytes()) + "\n"
                + "run folder   " + Launch.shortened(folder) + "\n";
    }
}
