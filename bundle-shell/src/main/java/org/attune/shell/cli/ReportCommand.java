package org.attune.shell.cli;

import java.nio.file.Path;
import org.attune.shell.text.ReportText;
import org.attune.shell.text.SavedReport;
import org.attune.shell.text.Terminal;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "report",
        header = "Show the report of a completed trial.",
        footer = {"%nExample:", "  attune report runs/quickstart-20260101-120000 --tables"})
final class ReportCommand implements Runnable {
    private final Services services;

    @Parameters(paramLabel = "RUN", description = "The run folder.")
    private Path run;

    @Option(names = "--tables", description = "Show large tables too, such as the confusion matrix of many classes.")
    private boolean tables;

    ReportCommand(Services services) {
        this.services = services;
    }

    @Override
    public void run() {
        SavedReport saved = SavedReport.in(run);
        Terminal terminal = services.terminal();
        terminal.out()
                .print(ReportText.of(saved.name(), saved.report(), run, tables, terminal.width(), terminal.glyphs()));
    }
}
