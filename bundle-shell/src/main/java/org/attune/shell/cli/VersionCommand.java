package org.attune.shell.cli;

import org.osgi.framework.FrameworkUtil;
import picocli.CommandLine.Command;

@Command(name = "version", header = "Show the versions of Attune, Java and the system.")
final class VersionCommand implements Runnable {
    private final Services services;

    VersionCommand(Services services) {
        this.services = services;
    }

    @Override
    public void run() {
        var bundle = FrameworkUtil.getBundle(VersionCommand.class);
        services.terminal()
                .out()
                .println("attune " + (bundle == null ? "outside a framework" : bundle.getVersion()) + ", Java "
                        + Runtime.version() + ", " + System.getProperty("os.name") + " "
                        + System.getProperty("os.arch"));
    }
}
