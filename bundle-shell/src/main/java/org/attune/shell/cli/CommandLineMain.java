package org.attune.shell.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.ToIntFunction;
import org.attune.generation.Generation;
import org.attune.model.DownloadListener;
import org.attune.plugin.UserError;
import org.attune.shell.text.ExitCode;
import org.attune.shell.text.Faults;
import org.attune.shell.text.StateText;
import org.attune.shell.text.Terminal;
import org.attune.trial.AdapterCombination;
import org.attune.trial.Catalogue;
import org.attune.trial.ModelExport;
import org.attune.trial.ModelMerge;
import org.attune.trial.Studies;
import org.attune.trial.TraceReplay;
import org.attune.trial.TrialListener;
import org.attune.trial.Trials;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What the launcher calls: the command line on the main thread, and the saving of trials when a signal comes. */
@Component(
        service = {ToIntFunction.class, Runnable.class},
        property = {"attune.main=true", "attune.shutdown=true"})
public final class CommandLineMain implements ToIntFunction<String[]>, Runnable {
    private final Services services;

    @Activate
    public CommandLineMain(
            BundleContext context,
            @Reference Trials trials,
            @Reference Catalogue catalogue,
            @Reference TraceReplay replay,
            @Reference ModelMerge merge,
            @Reference ModelExport export,
            @Reference AdapterCombination combination,
            @Reference Studies studies,
            @Reference Generation generation) {
        this(new Services(
                trials,
                catalogue,
                replay,
                merge,
                export,
                combination,
                studies,
                generation,
                view -> {
                    ServiceRegistration<?> registration = context.registerService(
                            new String[] {TrialListener.class.getName(), DownloadListener.class.getName()}, view, null);
                    return registration::unregister;
                },
                new Interruption(),
                Terminal.system()));
        context.registerService(DownloadListener.class, services.interruption(), null);
    }

    CommandLineMain(Services services) {
        this.services = services;
    }

    @Override
    public int applyAsInt(String[] arguments) {
        return commandLine(services, new StandardInput(services.terminal(), System.in))
                .setParameterExceptionHandler(this::misused)
                .setExecutionExceptionHandler(this::failed)
                .execute(arguments);
    }

    /**
     * Runs a command inside the shell, whose session tells mistakes.
     *
     * @param questions where lines that are typed come from
     */
    static void inShell(Services services, ChatCommand.Questions questions, String... arguments) throws Exception {
        Exception[] failure = new Exception[1];
        commandLine(services, questions)
                .setParameterExceptionHandler((mistake, words) -> {
                    failure[0] = new UserError(mistake.getMessage());
                    return ExitCode.MISTAKE;
                })
                .setExecutionExceptionHandler((e, command, result) -> {
                    failure[0] = e;
                    return ExitCode.FAULT;
                })
                .execute(arguments);
        if (failure[0] != null) {
            throw failure[0];
        }
    }

    private static CommandLine commandLine(Services services, ChatCommand.Questions questions) {
        Terminal terminal = services.terminal();
        return new CommandLine(new Attune())
                .addSubcommand(new RunCommand(services))
                .addSubcommand(new ResumeCommand(services))
                .addSubcommand(new StudyCommand(services))
                .addSubcommand(new ReplayCommand(services))
                .addSubcommand(new ReportCommand(services))
                .addSubcommand(new MergeCommand(services))
                .addSubcommand(new CombineCommand(services))
                .addSubcommand(new ExportCommand(services))
                .addSubcommand(new GenerateCommand(services))
                .addSubcommand(new ChatCommand(services, questions))
                .addSubcommand(new PluginsCommand(services))
                .addSubcommand(new OptionsCommand(services))
                .addSubcommand(new ModelsCommand(services))
                .addSubcommand(new ShellCommand(services))
                .addSubcommand(new VersionCommand(services))
                .setOut(new PrintWriter(terminal.out(), true, StandardCharsets.UTF_8))
                .setColorScheme(CommandLine.Help.defaultColorScheme(terminal.colour() ? Ansi.ON : Ansi.OFF))
                .setUsageHelpWidth(Math.max(60, Math.min(100, terminal.width())))
                .setExpandAtFiles(false);
    }

    private int misused(ParameterException mistake, String[] arguments) {
        CommandLine command = mistake.getCommandLine();
        String message = mistake.getMessage();
        if (mistake instanceof UnmatchedArgumentException unmatched && command.getParent() == null) {
            message = "no command \"" + unmatched.getUnmatched().get(0) + "\"; there are: "
                    + String.join(", ", command.getSubcommands().keySet());
        }
        Faults.line(
                services.terminal(),
                message + "; see: " + command.getCommandSpec().qualifiedName() + " --help");
        return ExitCode.MISTAKE;
    }

    private int failed(Exception failure, CommandLine command, CommandLine.ParseResult result) {
        return Faults.tell(services.terminal(), "", failure, Path.of(""));
    }

    /** On SIGTERM or Ctrl-C. */
    @Override
    public void run() {
        services.interruption().request();
        try {
            services.trials().stopAll();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return;
        }
        StateText.suspensions(services.trials().list()).forEach(line -> Faults.line(services.terminal(), line));
    }
}
