package org.attune.shell.cli;

import java.util.concurrent.Callable;
import org.attune.shell.gogo.GogoShell;
import org.attune.shell.gogo.TrialCommands;
import org.osgi.framework.FrameworkUtil;
import picocli.CommandLine.Command;

@Command(
        name = "shell",
        header = "Start the interactive shell.",
        description = {
            "%nTrials run in the background while the prompt stays usable. `help` lists the commands, TAB completes, "
                    + "`exit` saves what still runs and ends. Without a terminal it reads commands from standard "
                    + "input.%n"
        },
        footer = {"%nExamples:", "  attune shell", "  printf 'attune:plugins\\nexit\\n' | attune shell"})
final class ShellCommand implements Callable<Integer> {
    private final Services services;

    ShellCommand(Services services) {
        this.services = services;
    }

    @Override
    public Integer call() throws Exception {
        GogoShell[] shell = new GogoShell[1];
        TrialCommands commands = new TrialCommands(
                services.trials(),
                services.catalogue(),
                services.merge(),
                services.terminal(),
                arguments -> CommandLineMain.inShell(services, prompt -> shell[0].ask(prompt), arguments));
        shell[0] = new GogoShell(
                FrameworkUtil.getBundle(ShellCommand.class).getBundleContext(),
                commands,
                services.trials(),
                services.catalogue(),
                services.terminal());
        services.interruption().onRequest(shell[0]::leaveTerminal);
        return shell[0].run();
    }
}
