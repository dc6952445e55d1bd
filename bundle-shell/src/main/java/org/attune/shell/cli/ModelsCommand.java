package org.attune.shell.cli;

import org.attune.shell.text.CatalogueText;
import org.attune.shell.text.Terminal;
import picocli.CommandLine.Command;

@Command(
        name = "models",
        header = "Show base models in memory and the tensor engines.",
        description = "%nModels are in memory while trials use them, so this says more in the shell.%n")
final class ModelsCommand implements Runnable {
    private final Services services;

    ModelsCommand(Services services) {
        this.services = services;
    }

    @Override
    public void run() {
        Terminal terminal = services.terminal();
        terminal.out().print(CatalogueText.models(services.catalogue(), terminal.width(), terminal.glyphs()));
    }
}
