package org.attune.shell.gogo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Hashtable;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.felix.gogo.runtime.CommandNotFoundException;
import org.apache.felix.service.command.CommandProcessor;
import org.apache.felix.service.command.CommandSession;
import org.apache.felix.service.command.Converter;
import org.attune.plugin.UserError;
import org.attune.shell.gogo.TrialCommands.Command;
import org.attune.shell.text.ExitCode;
import org.attune.shell.text.Faults;
import org.attune.shell.text.StateText;
import org.attune.shell.text.Terminal;
import org.attune.trial.Catalogue;
import org.attune.trial.TrialListener;
import org.attune.trial.Trials;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Attributes;
import org.jline.terminal.TerminalBuilder;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.ServiceRegistration;
import org.osgi.util.tracker.ServiceTracker;

/** One session of the shell, on the calling thread, until {@code exit} or the end of the input. */
public final class GogoShell {
    /** Installed with every Attune, but started only here. */
    private static final List<String> GOGO = List.of("org.apache.felix.gogo.runtime", "org.apache.felix.gogo.command");

    private static final int PROCESSOR_SECONDS = 10;
    private static final int LEAVING_SECONDS = 3;

    private final BundleContext context;
    private final TrialCommands commands;
    private final Trials trials;
    private final Catalogue catalogue;
    private final Terminal terminal;
    private volatile Runnable leaving = () -> {};
    private volatile Function<String, Optional<String>> asking = prompt -> Optional.empty();

    public GogoShell(
            BundleContext context, TrialCommands commands, Trials trials, Catalogue catalogue, Terminal terminal) {
        this.context = context;
        this.commands = commands;
        this.trials = trials;
        this.catalogue = catalogue;
        this.terminal = terminal;
    }

    /** @return the exit code: the gravest of all commands where they come from a script, 0 at a terminal */
    public int run() throws BundleException, IOException, InterruptedException {
        startGogo();
        // By its properties alone the object becomes commands. Not a component: Gogo would have it made anew each call.
        List<ServiceRegistration<?>> registrations =
                List.of(register(TrialCommands.SCOPE), register(TrialCommands.TENSOR_SCOPE));
        try (CommandSession session = processor().createSession(System.in, terminal.out(), terminal.err())) {
            session.put("SCOPE", TrialCommands.SCOPE + ":*");
            int code = Terminal.isTerminal(0) && Terminal.isTerminal(1) ? converse(session) : obey(session);
            if (processEnds()) {
                return code; // whoever handles the signal does the rest
            }
            trials.stopAll();
            StateText.suspensions(trials.list()).forEach(line -> Faults.line(terminal, line));
            return code;
        } finally {
            registrations.forEach(ServiceRegistration::unregister);
        }
    }

    /** To be called when a signal ends the process: nothing is announced any more, and what is typed is seen again. */
    public void leaveTerminal() {
        leaving.run();
    }

    /** A line that the session's user gives to a command in progress; empty at the end, and after Ctrl-C. */
    public Optional<String> ask(String prompt) {
        return asking.apply(prompt);
    }

    private static boolean processEnds() {
        Thread probe = new Thread(() -> {});
        try {
            Runtime.getRuntime().addShutdownHook(probe);
            return !Runtime.getRuntime().removeShutdownHook(probe);
        } catch (IllegalStateException shuttingDown) {
            return true;
        }
    }

    private void startGogo() throws BundleException {
        for (String name : GOGO) {
            Optional<Bundle> bundle = Arrays.stream(context.getBundles())
                    .filter(candidate -> name.equals(candidate.getSymbolicName()))
                    .findFirst();
            bundle.orElseThrow(() -> new UserError("the shell needs the bundle " + name
                            + ", expected in bundle/on-demand of the distribution; unpack it anew"))
                    .start();
        }
    }

    private CommandProcessor processor() throws InterruptedException {
        var tracker = new ServiceTracker<CommandProcessor, CommandProcessor>(context, CommandProcessor.class, null);
        tracker.open();
        CommandProcessor processor = tracker.waitForService(PROCESSOR_SECONDS * 1000L);
        if (processor == null) {
            throw new IllegalStateException("Gogo started without a command processor");
        }
        return processor;
    }

    @SuppressWarnings("JdkObsolete") // the framework's API wants a Dictionary
    private ServiceRegistration<?> register(String scope) {
        Hashtable<String, Object> properties = new Hashtable<>();
        properties.put(CommandProcessor.COMMAND_SCOPE, scope);
        properties.put(CommandProcessor.COMMAND_FUNCTION, Command.of(scope));
        return context.registerService(TrialCommands.class, commands, properties);
    }

    /** Without a terminal: one command a line, no prompt. */
    private int obey(CommandSession session) throws IOException {
        ServiceRegistration<?> announcing = announce(line -> terminal.err().println(line));
        try (BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            asking = prompt -> line(input);
            int code = ExitCode.OK;
            for (String line = input.readLine(); line != null && !commands.exited(); line = input.readLine()) {
                code = ExitCode.gravest(code, execute(session, line));
            }
            return code;
        } finally {
            announcing.unregister();
        }
    }

    private static Optional<String> line(BufferedReader input) {
        try {
            return Optional.ofNullable(input.readLine());
        } catch (IOException e) {
            throw UserError.cannot("read", Path.of("standard input"), e);
        }
    }

    private int converse(CommandSession session) throws IOException {
        try (org.jline.terminal.Terminal screen = TerminalBuilder.builder()
                .name("attune")
                .system(true)
                // Otherwise Ctrl-C at the prompt would end the process instead of clearing the line.
                .nativeSignals(true)
                .signalHandler(org.jline.terminal.Terminal.SignalHandler.SIG_IGN)
                .build()) {
            LineReader reader = LineReaderBuilder.builder()
                    .terminal(screen)
                    .appName("attune")
                    .completer(new CommandCompleter(session, trials, catalogue))
                    .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
                    .build();
            terminal.out()
                    .println("Attune. `help` lists the commands, TAB completes, `exit` saves what runs and ends.");
            ServiceRegistration<?> announcing = announce(reader::printAbove);
            Attributes before = screen.getAttributes();
            asking = prompt -> {
                try {
                    return Optional.of(reader.readLine(prompt));
                } catch (UserInterruptException | EndOfFileException end) {
                    return Optional.empty();
                }
            };
            Thread conversing = Thread.currentThread();
            CountDownLatch asked = new CountDownLatch(1);
            leaving = () -> {
                // While it reads, JLine sets the terminal to raw again and again.
                conversing.interrupt();
                await(asked);
                screen.setAttributes(before);
                terminal.out().println();
            };
            try {
                // The end of the process interrupts the reader as Ctrl-C does.
                while (!commands.exited() && !processEnds()) {
                    ask(reader).ifPresent(line -> execute(session, line));
                }
            } finally {
                leaving = () -> {};
                announcing.unregister();
                asked.countDown();
            }
            return ExitCode.OK;
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await(LEAVING_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The next line; nothing after Ctrl-C. Ctrl-D ends as {@code exit} does. */
    private Optional<String> ask(LineReader reader) {
        try {
            return Optional.of(reader.readLine("attune> "));
        } catch (UserInterruptException lineGivenUp) {
            return Optional.empty();
        } catch (EndOfFileException end) {
            commands.exit();
            return Optional.empty();
        }
    }

    private ServiceRegistration<?> announce(Consumer<String> lines) {
        return context.registerService(TrialListener.class, new Announcements(lines), null);
    }

    private int execute(CommandSession session, String line) {
        try {
            Object result = session.execute(line);
            String text = result == null
                    ? ""
                    : session.format(result, Converter.INSPECT).toString().stripTrailing();
            if (!text.isEmpty()) {
                terminal.out().println(text);
            }
            return ExitCode.OK;
        } catch (Exception e) { // Gogo declares no less
            return Faults.tell(terminal, "", mistyped(e) ? new UserError(explained(e, line), e) : e, Path.of(""));
        }
    }

    /** Gogo says so of a command or a use of it that does not exist. */
    private static boolean mistyped(Exception e) {
        return e instanceof CommandNotFoundException
                || e instanceof IllegalArgumentException
                        && String.valueOf(e.getMessage()).startsWith("Cannot coerce");
    }

    private static String explained(Exception e, String line) {
        String command = line.strip().split("\\s+", 2)[0].replaceFirst("^" + TrialCommands.SCOPE + ":", "");
        if (e instanceof CommandNotFoundException unknown) {
            return "no command \"" + unknown.getCommand() + "\"; help lists them";
        }
        return Arrays.stream(Command.values())
                .filter(known -> known.typed().equals(command))
                .map(known -> "wrong arguments; usage: " + known.usage)
                .findFirst()
                .orElse(e.getMessage());
    }
}
