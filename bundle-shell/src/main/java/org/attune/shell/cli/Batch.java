package org.attune.shell.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.attune.evaluation.Score;
import org.attune.plugin.UserError;
import org.attune.shell.cli.Services.Listening;
import org.attune.shell.text.ExitCode;
import org.attune.shell.text.Faults;
import org.attune.shell.text.Launch;
import org.attune.shell.text.ProgressView;
import org.attune.shell.text.ReportText;
import org.attune.shell.text.StateText;
import org.attune.shell.text.Terminal;
import org.attune.trial.Trial;
import org.attune.trial.TrialReport;
import org.attune.trial.TrialState;

/** Runs trials one after another, shows how they go on and what they reached. One bad trial does not stop the others. */
final class Batch {
    private static final Duration GLANCE = Duration.ofSeconds(10);

    private final Services services;
    private final OutputOptions output;
    private final boolean profiled;
    private final Terminal terminal;
    private final ObjectMapper json =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
    private final ArrayNode summaries = json.createArrayNode();

    /** @param profiled whether a trial's table of operations is shown after its report */
    Batch(Services services, OutputOptions output, boolean profiled) {
        this.services = services;
        this.output = output;
        this.profiled = profiled;
        terminal = output.plain ? services.terminal().plain() : services.terminal();
    }

    /**
     * @param sources specs or run folders
     * @param start makes a trial of one
     * @return the exit code
     */
    int run(List<Path> sources, Function<Path, Trial> start) throws InterruptedException {
        int code = ExitCode.OK;
        for (Path source : sources) {
            if (services.interruption().requested()) {
                break;
            }
            if (sources.size() > 1 && !output.quiet) {
                terminal.err().println(source + " (" + (summaries.size() + 1) + " of " + sources.size() + ")");
            }
            code = ExitCode.gravest(code, runOne(source, start));
        }
        if (output.json) {
            ObjectNode summary = json.createObjectNode();
            summary.set("trials", summaries);
            summary.put("exit", code);
            terminal.out().println(summary.toPrettyString());
        }
        return code;
    }

    private int runOne(Path source, Function<Path, Trial> start) throws InterruptedException {
        ObjectNode summary = summaries.addObject().put("source", source.toString());
        Trial trial;
        try {
            trial = watched(() -> start.apply(source));
        } catch (RuntimeException e) {
            summary.put("state", TrialState.FAILED.name()).put("message", String.valueOf(e.getMessage()));
            return Faults.tell(terminal, "", e, Path.of(""));
        }
        describe(trial, summary);
        return result(trial);
    }

    /** Starts a trial and shows how it goes on until it has ended. */
    private Trial watched(Supplier<Trial> start) throws InterruptedException {
        ProgressView view = output.quiet ? ProgressView.none() : ProgressView.on(terminal);
        services.interruption().onRequest(view::close);
        Listening listening = services.listening().apply(view);
        try {
            Trial trial = start.get();
            while (!trial.await(GLANCE).ended()) {
                // Trials take as long as they take.
            }
            return trial;
        } finally {
            listening.close();
            view.close();
        }
    }

    private int result(Trial trial) {
        switch (trial.state()) {
            case COMPLETED -> {
                if (!output.json) {
                    TrialReport report = trial.report().orElseThrow();
                    terminal.out()
                            .println(ReportText.of(
                                    trial.name(), report, trial.folder(), false, terminal.width(), terminal.glyphs()));
                    if (profiled) {
                        terminal.out().println(profile(trial.folder()));
                    }
                }
                return ExitCode.OK;
            }
            case SUSPENDED -> {
                if (!services.interruption().requested()) {
                    Faults.line(terminal, StateText.suspension(trial));
                }
                return ExitCode.SUSPENDED;
            }
            default -> {
                Throwable failure = trial.failure().orElseGet(() -> new IllegalStateException(trial.message()));
                return Faults.tell(terminal, trial.name(), failure, trial.folder());
            }
        }
    }

    private static String profile(Path folder) {
        Path table = folder.resolve("profile.txt");
        try {
            return Files.readString(table) + "\nAll calls: " + Launch.shortened(folder.resolve("profile.json"))
                    + " (opens in Perfetto and chrome://tracing)";
        } catch (IOException e) {
            throw UserError.cannot("read", table, e);
        }
    }

    private void describe(Trial trial, ObjectNode summary) {
        summary.put("name", trial.name());
        summary.put("folder", trial.folder().toString());
        summary.put("state", trial.state().name());
        summary.put("message", trial.failure().map(Throwable::getMessage).orElse(trial.message()));
        summary.put("step", trial.progress().step());
        summary.put("steps", trial.progress().steps());
        trial.report().ifPresent(report -> {
            scores(summary.putObject("scores"), report.scores());
            summary.put("trainable", report.trainable());
            summary.put("total", report.total());
            summary.put("seconds", report.seconds());
            summary.put("evaluationSeconds", report.evaluationSeconds());
            summary.put("peakBytes", report.peakBytes());
            summary.put("examples", report.examples());
            summary.put("tokens", report.tokens());
            ObjectNode baselines = summary.putObject("baselines");
            report.baselines().forEach((name, scores) -> scores(baselines.putObject(name), scores));
        });
    }

    private static void scores(ObjectNode target, List<Score> scores) {
        for (Score score : scores) {
            if (Double.isFinite(score.value())) {
                target.put(score.name(), score.value());
            } else {
                target.putNull(score.name()); // JSON has no NaN
            }
        }
    }
}
