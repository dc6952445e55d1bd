package org.attune.shell.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "resume",
        header = "Go on with trials that were stopped or killed.",
        description = "%nGoes on from the last checkpoint; the end is the same as of a run that was never stopped.%n",
        footer = {"%nExample:", "  attune resume runs/quickstart-20260101-120000"})
final class ResumeCommand implements Callable<Integer> {
    private final Services services;

    @Parameters(paramLabel = "RUN", arity = "1..*", description = "The run folder.")
    private List<Path> runs;

    @Mixin
    private OutputOptions output;

    ResumeCommand(Services services) {
        this.services = services;
    }

    @Override
    public Integer call() throws InterruptedException {
        return new Batch(services, output, false)
                .run(runs, run -> services.trials().resume(run, false));
    }
}
