package org.attune.shell.cli;

import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "export",
        header = "Write a model in another format.",
        description = {
            "%nWrites a decoder model as a GGUF file by llama.cpp's rules: matrices in the type asked for, vectors in F32. "
                    + "What a run has trained is merged first (merge).%n"
        },
        footer = {
            "%nExamples:",
            "  attune merge runs/chat-20260101-120000 merged/",
            "  attune export merged/ chat.gguf --gguf q8_0"
        })
final class ExportCommand implements Runnable {
    private final Services services;

    @Parameters(index = "0", paramLabel = "MODEL", description = "The model as a spec names it: a folder, hf:org/name.")
    private String model;

    @Parameters(index = "1", paramLabel = "FILE", description = "The file to make; it must not exist yet.")
    private Path file;

    @Option(names = "--gguf", paramLabel = "TYPE", required = true, description = "GGUF with matrices as f16 or q8_0.")
    private String type;

    ExportCommand(Services services) {
        this.services = services;
    }

    @Override
    public void run() {
        services.terminal().out().println(services.showingDownloads(() -> {
            services.export().export(model, Path.of("").toAbsolutePath(), "gguf", type, file);
            return file;
        }));
    }
}
