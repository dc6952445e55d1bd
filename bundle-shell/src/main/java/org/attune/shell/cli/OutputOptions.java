package org.attune.shell.cli;

import picocli.CommandLine.Option;

/** How a command that runs trials speaks. */
final class OutputOptions {
    @Option(names = "--json", description = "Print one JSON summary on standard output and nothing else there.")
    boolean json;

    @Option(names = "--quiet", description = "Show no progress, only results.")
    boolean quiet;

    @Option(names = "--plain", description = "Show progress as lines even on a terminal.")
    boolean plain;
}
