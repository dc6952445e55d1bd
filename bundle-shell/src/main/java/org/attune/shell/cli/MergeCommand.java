package org.attune.shell.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.nio.file.Path;
import org.attune.shell.text.MergeText;
import org.attune.shell.text.Terminal;
import org.attune.trial.ModelMerge;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "merge",
        header = "Merge what a run has trained into its base model.",
        description = {
            "%nWrites a Hugging Face folder with config.json, model.safetensors (float32) and the tokenizer. It is read again, "
                    + "and its logits on a probe batch are compared with those of the base model with adapters; where they differ "
                    + "by more than " + ModelMerge.TOLERANCE + " of the largest, nothing is left.%n"
        },
        footer = {"%nExample:", "  attune merge runs/quickstart-20260101-120000 merged/"})
final class MergeCommand implements Runnable {
    private final Services services;

    @Parameters(index = "0", paramLabel = "RUN", description = "The run folder of a completed trial.")
    private Path run;

    @Parameters(index = "1", paramLabel = "FOLDER", description = "The folder to make; it must not exist yet.")
    private Path folder;

    @Option(names = "--json", description = "Print JSON on standard output instead of a sentence.")
    private boolean json;

    MergeCommand(Services services) {
        this.services = services;
    }

    @Override
    public void run() {
        ModelMerge.Outcome outcome =
                services.showingDownloads(() -> services.merge().merge(run, folder));
        Terminal terminal = services.terminal();
        if (json) {
            terminal.out()
                    .println(JsonNodeFactory.instance
                            .objectNode()
                            .put("folder", outcome.folder().toString())
                            .put("changed", outcome.changed())
                            .put("difference", outcome.difference())
                            .put("largest", outcome.largest())
                            .toPrettyString());
        } else {
            terminal.out().println(MergeText.of(outcome));
        }
    }
}
