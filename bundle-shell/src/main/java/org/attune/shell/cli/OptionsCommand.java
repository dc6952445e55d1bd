package org.attune.shell.cli;

import org.attune.shell.text.CatalogueText;
import org.attune.shell.text.Terminal;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "options",
        header = "Show the options of a plug-in.",
        description = "%nEach with its type, default, range and meaning, as a spec takes them.%n",
        footer = {"%nExample:", "  attune options lora"})
final class OptionsCommand implements Runnable {
    private final Services services;

    @Parameters(paramLabel = "PLUGIN", description = "A name that `attune plugins` lists.")
    private String plugin;

    OptionsCommand(Services services) {
        this.services = services;
    }

    @Override
    public void run() {
        Terminal terminal = services.terminal();
        terminal.out().print(CatalogueText.options(services.catalogue(), plugin, terminal.width(), terminal.glyphs()));
    }
}
