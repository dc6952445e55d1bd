package org.attune.shell.cli;

import org.attune.shell.text.CatalogueText;
import org.attune.shell.text.Terminal;
import picocli.CommandLine.Command;

@Command(
        name = "plugins",
        header = "List the plug-ins.",
        description = "%nThe names that a spec can use; those in plugins/ are among them.%n")
final class PluginsCommand implements Runnable {
    private final Services services;

    PluginsCommand(Services services) {
        this.services = services;
    }

    @Override
    public void run() {
        Terminal terminal = services.terminal();
        terminal.out().print(CatalogueText.plugins(services.catalogue(), terminal.width(), terminal.glyphs()));
    }
}
