package org.attune.shell.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.attune.plugin.UserError;
import org.attune.shell.text.ExitCode;
import org.attune.shell.text.Faults;
import org.attune.shell.text.Numbers;
import org.attune.shell.text.Terminal;
import org.attune.shell.text.TextTable;
import org.attune.trial.Catalogue.EngineInfo;
import org.attune.trial.TraceReplay;
import org.attune.trial.TraceReplay.Outcome;
import org.attune.trial.TraceReplay.UnknownMethod;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "replay",
        header = "Compare with recorded training runs of a reference implementation.",
        description = {
            "%nTrains as the recorded run did, from its own weights and batches, and compares each step's loss and "
                    + "gradient norm, the final weights and the final logits. The table shows the worst relative error "
                    + "of each; allowed are "
                    + TraceReplay.LOSS_TOLERANCE + " for the loss, "
                    + TraceReplay.GRADIENT_TOLERANCE + " for the gradient norm, "
                    + TraceReplay.WEIGHT_TOLERANCE + " for weights and logits.%n"
        },
        footer = {
            "%nExamples:",
            "  attune replay traces/bert/lora traces/bert/rslora",
            "  attune replay traces --engine all --json",
            "%nExit codes: 0 all within tolerance, 1 one is not, 2 not a trace, or no plug-in knows its method."
        })
final class ReplayCommand implements Callable<Integer> {
    private static final String ALL = "all";
    private static final String TRACE = "trace.json";

    private final Services services;

    @Parameters(
            paramLabel = "FOLDER",
            arity = "1..*",
            description = "A trace, or a folder with traces somewhere below it.")
    private List<Path> folders;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            defaultValue = "cpu",
            description = "The tensor engine: cpu (the default), reference, or all of them in turn.")
    private String engine;

    @Option(names = "--json", description = "Print JSON on standard output instead of the table.")
    private boolean json;

    private final TextTable table =
            new TextTable("trace", "engine", "loss", "gradient norm", "weights", "logits", "verdict");
    private final ArrayNode results = JsonNodeFactory.instance.arrayNode();

    ReplayCommand(Services services) {
        this.services = services;
    }

    @Override
    public Integer call() {
        List<String> engines = engines();
        int code = ExitCode.OK;
        for (Path trace : traces()) {
            for (String name : engines) {
                if (services.interruption().requested()) {
                    return ExitCode.FAULT;
                }
                code = ExitCode.gravest(code, replay(trace, name));
            }
        }
        Terminal terminal = services.terminal();
        if (json) {
            ObjectNode summary = JsonNodeFactory.instance.objectNode();
            summary.set("replays", results);
            ObjectNode tolerance = summary.putObject("tolerance");
            tolerance.put("loss", TraceReplay.LOSS_TOLERANCE);
            tolerance.put("gradientNorm", TraceReplay.GRADIENT_TOLERANCE);
            tolerance.put("weights", TraceReplay.WEIGHT_TOLERANCE);
            tolerance.put("logits", TraceReplay.WEIGHT_TOLERANCE);
            summary.put("exit", code);
            terminal.out().println(summary.toPrettyString());
        } else if (!table.isEmpty()) {
            terminal.out().print(table.render(terminal.width(), terminal.glyphs()));
        }
        return code;
    }

    private int replay(Path trace, String name) {
        ObjectNode result = JsonNodeFactory.instance.objectNode();
        result.put("folder", trace.toString()).put("engine", name);
        try {
            Outcome outcome = services.replay().replay(trace, name);
            describe(outcome, result);
            return outcome.passed() ? ExitCode.OK : ExitCode.FAULT;
        } catch (UnknownMethod e) {
            String message = "no plug-in knows the method \"" + e.method() + "\": " + e.getMessage();
            Faults.line(services.terminal(), trace + ": " + message);
            table.row(trace.toString(), name, "-", "-", "-", "-", "unknown method " + e.method());
            result.put("verdict", "unknown method").put("method", e.method()).put("message", message);
            return ExitCode.MISTAKE;
        } catch (RuntimeException e) {
            table.row(trace.toString(), name, "-", "-", "-", "-", "not replayed");
            result.put("verdict", "not replayed").put("message", String.valueOf(e.getMessage()));
            return Faults.tell(services.terminal(), "", e, Path.of(""));
        } finally {
            results.add(result);
        }
    }

    private void describe(Outcome outcome, ObjectNode result) {
        table.row(
                outcome.trace(),
                outcome.engine(),
                marked(outcome.loss(), TraceReplay.LOSS_TOLERANCE),
                marked(outcome.gradientNorm(), TraceReplay.GRADIENT_TOLERANCE),
                marked(outcome.weights(), TraceReplay.WEIGHT_TOLERANCE),
                marked(outcome.logits(), TraceReplay.WEIGHT_TOLERANCE),
                outcome.passed() ? "equal" : "DIFFERENT");
        if (!outcome.frozen().isEmpty()) {
            Faults.line(services.terminal(), outcome.trace() + ": " + outcome.frozen());
            result.put("frozen", outcome.frozen());
        }
        result.put("trace", outcome.trace()).put("steps", outcome.steps());
        number(result, "loss", outcome.loss());
        number(result, "gradientNorm", outcome.gradientNorm());
        number(result, "weights", outcome.weights());
        number(result, "logits", outcome.logits());
        result.put("verdict", outcome.passed() ? "equal" : "different");
    }

    /** An error that is too large catches the eye; NaN is too large. */
    private static String marked(double error, double tolerance) {
        return error <= tolerance ? Numbers.error(error) : Numbers.error(error) + " !";
    }

    private static void number(ObjectNode result, String key, double value) {
        if (Double.isFinite(value)) {
            result.put(key, value);
        } else {
            result.putNull(key); // JSON has no NaN
        }
    }

    private List<String> engines() {
        List<String> known = services.catalogue().engines().stream()
                .map(EngineInfo::name)
                .sorted()
                .toList();
        if (engine.equals(ALL)) {
            if (known.isEmpty()) {
                throw new UserError("--engine all: no tensor engine is installed");
            }
            return known;
        }
        if (!known.contains(engine)) {
            throw new UserError(
                    "--engine " + engine + ": no such tensor engine; there are: " + String.join(", ", known) + ", all");
        }
        return List.of(engine);
    }

    private List<Path> traces() {
        List<Path> traces = new ArrayList<>();
        for (Path folder : folders) {
            // A path that is no trace is left to the replay, which says what is wrong with it.
            if (Files.exists(folder.resolve(TRACE)) || !Files.isDirectory(folder)) {
                traces.add(folder);
                continue;
            }
            List<Path> below = tracesBelow(folder);
            if (below.isEmpty()) {
                throw new UserError(folder + ": no trace here or below (a trace folder has a " + TRACE + ")");
            }
            traces.addAll(below);
        }
        return traces;
    }

    private static List<Path> tracesBelow(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.getFileName().toString().equals(TRACE))
                    .map(Path::getParent)
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw UserError.cannot("read", folder, e);
        }
    }
}
