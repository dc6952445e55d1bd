package org.attune.shell.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

@Command(
        name = "attune",
        header = "Fine-tunes language models; every method is a plug-in.",
        footer = {
            "%nFirst steps:",
            "  attune run examples/quickstart.yaml",
            "  attune plugins",
            "  attune shell",
            "%n`attune COMMAND --help` says more about a command."
        },
        synopsisSubcommandLabel = "COMMAND",
        commandListHeading = "%nCommands:%n",
        sortOptions = false)
final class Attune implements Runnable {
    @Spec
    private CommandSpec spec;

    @CommandLine.Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.INHERIT,
            description = "Show this help.")
    @SuppressWarnings("UnusedVariable") // picocli sets it, and acts on it
    private boolean help;

    /** Without a command. */
    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }
}
