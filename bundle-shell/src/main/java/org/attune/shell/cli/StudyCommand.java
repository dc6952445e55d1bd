package org.attune.shell.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.attune.plugin.UserError;
import org.attune.shell.study.StudyResult;
import org.attune.shell.study.StudyRuns;
import org.attune.shell.study.StudyTable;
import org.attune.shell.text.ExitCode;
import org.attune.shell.text.Faults;
import org.attune.shell.text.Launch;
import org.attune.trial.Study;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "study",
        header = "Run variants of a spec over several seeds and compare them in a table.",
        description = {
            "%nRuns each variant with each seed, each run in a process of its own, and prints a Markdown table, which is also "
                    + "written to table.md in the study's folder. What was run before is not run again, so a study that was cut "
                    + "off goes on; a run that failed is tried again. The time of a step is taken by short runs of their own, for "
                    + "which the machine should have no other work.%n"
        },
        footer = {
            "%nExamples:",
            "  attune study examples/studies/peft-wordnet.yaml --only lora,dora --seeds 0",
            "  attune study examples/studies/peft-wordnet.yaml --no-timing",
            "  attune study examples/studies/peft-wordnet.yaml --timing-only",
            "  attune study examples/studies/peft-wordnet.yaml --table",
            "%nExit codes: 0 all runs succeeded, 1 one failed, 2 a mistake in what was given, 130 or 143 stopped by",
            "a signal."
        })
final class StudyCommand implements Callable<Integer> {
    private final Services services;

    @Parameters(paramLabel = "FILE", description = "The study.")
    private Path file;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Takes the place of a value in the base spec, in all runs; may be given more than once.")
    private List<String> settings = new ArrayList<>();

    @Option(names = "--only", paramLabel = "NAME", split = ",", description = "Run these variants alone.")
    private List<String> only = new ArrayList<>();

    @Option(names = "--seeds", paramLabel = "SEED", split = ",", description = "Run these of the study's seeds alone.")
    private List<Long> seeds = new ArrayList<>();

    @ArgGroup
    private Kinds kinds = new Kinds();

    @Option(names = "--json", description = "Print JSON on standard output instead of the table.")
    private boolean json;

    /** Which kinds of runs. */
    private static final class Kinds {
        @Option(names = "--no-timing", description = "Run nothing that takes the time of a step.")
        private boolean noTiming;

        @Option(names = "--timing-only", description = "Run nothing but what takes the time of a step.")
        private boolean timingOnly;

        @Option(names = "--table", description = "Run nothing; print what is there.")
        private boolean table;
    }

    StudyCommand(Services services) {
        this.services = services;
    }

    @Override
    public Integer call() throws InterruptedException {
        Study study = services.studies().read(file, RunCommand.overrides(settings));
        checkNames(study);
        StudyTable table = new StudyTable(study);
        List<StudyResult> wanted =
                table.results().stream().filter(this::isWanted).toList();
        StudyRuns runs = new StudyRuns(
                Launch.program(),
                services.terminal(),
                services.interruption()::requested,
                process -> services.interruption().onRequest(process::destroyForcibly));
        int code = runs.run(wanted) > 0 ? ExitCode.FAULT : ExitCode.OK;
        table.write();
        table.unknownColumns().forEach(line -> Faults.line(services.terminal(), line));
        if (json) {
            ObjectNode summary = JsonNodeFactory.instance.objectNode();
            summary.set("variants", table.json());
            services.terminal().out().println(summary.put("exit", code).toPrettyString());
        } else {
            services.terminal().out().print(table.markdown());
        }
        return code;
    }

    private void checkNames(Study study) {
        List<String> names = study.variants().stream().map(Study.Variant::name).toList();
        for (String name : only) {
            if (!names.contains(name)) {
                throw new UserError("--only " + name + ": no such variant; there are: " + String.join(", ", names));
            }
        }
        for (Long seed : seeds) {
            if (!study.seeds().contains(seed)) {
                throw new UserError("--seeds " + seed + ": not one of the study's seeds; there are: "
                        + study.seeds().stream().map(String::valueOf).collect(Collectors.joining(", ")));
            }
        }
    }

    private boolean isWanted(StudyResult result) {
        return !kinds.table
                && (only.isEmpty() || only.contains(result.variant()))
                && (result.timing()
                        ? !kinds.noTiming
                        : !kinds.timingOnly
                                && (seeds.isEmpty()
                                        || seeds.contains(result.run().seed())));
    }
}
