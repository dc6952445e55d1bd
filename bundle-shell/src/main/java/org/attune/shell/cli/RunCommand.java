package org.attune.shell.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.attune.plugin.UserError;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "run",
        header = "Run trials.",
        description = {
            "%nRuns each trial, one after another: trains, evaluates, prints a report, and keeps everything in a run "
                    + "folder. One that fails does not stop the others. Ctrl-C or SIGTERM saves a checkpoint first; "
                    + "`resume` goes on from there.%n"
        },
        footer = {
            "%nExamples:",
            "  attune run examples/quickstart.yaml",
            "  attune run examples/quickstart.yaml --set data.train=500 --set seed=1",
            "  attune run experiments/ --json > summary.json",
            "  attune run examples/quickstart.yaml --set train.max_steps=50 --profile",
            "%nExit codes: 0 all succeeded, 1 a fault of the program, 2 a mistake in what was given,",
            "3 suspended as a plug-in went away, 130 or 143 stopped by a signal."
        })
final class RunCommand implements Callable<Integer> {
    private final Services services;

    @Parameters(paramLabel = "SPEC", arity = "1..*", description = "A spec file, or a folder: all its *.yaml in order.")
    private List<Path> specs;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Takes the place of a value in each spec; may be given more than once. "
                    + "Parts of a list by number: adapters.0.rank=16.")
    private List<String> settings = new ArrayList<>();

    @Option(
            names = "--profile",
            description =
                    "Writes a trace of all operations (profile.json, for Perfetto or chrome://tracing) and a table "
                            + "of them (profile.txt) into the run folder, and prints the table.")
    private boolean profile;

    @Mixin
    private OutputOptions output;

    RunCommand(Services services) {
        this.services = services;
    }

    @Override
    public Integer call() throws InterruptedException {
        Map<String, String> overrides = overrides(settings);
        return new Batch(services, output, profile)
                .run(files(specs), spec -> services.trials().start(spec, overrides, false, profile));
    }

    static Map<String, String> overrides(List<String> settings) {
        Map<String, String> overrides = new LinkedHashMap<>();
        for (String setting : settings) {
            int equals = setting.indexOf('=');
            if (equals < 1) {
                throw new UserError("--set " + setting + ": expected KEY=VALUE, such as --set train.epochs=2");
            }
            overrides.put(setting.substring(0, equals), setting.substring(equals + 1));
        }
        return overrides;
    }

    private static List<Path> files(List<Path> specs) {
        List<Path> files = new ArrayList<>();
        for (Path spec : specs) {
            if (Files.isDirectory(spec)) {
                files.addAll(specsIn(spec));
            } else {
                files.add(spec);
            }
        }
        return files;
    }

    private static List<Path> specsIn(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            List<Path> specs = entries.filter(file -> file.toString().matches(".*\\.ya?ml"))
                    .sorted()
                    .toList();
            if (specs.isEmpty()) {
                throw new UserError(folder + ": no spec (*.yaml) in this folder");
            }
            return specs;
        } catch (IOException e) {
            throw UserError.cannot("read", folder, e);
        }
    }
}
