package org.attune.shell.gogo;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.felix.service.command.Descriptor;
import org.apache.felix.service.command.Parameter;
import org.attune.plugin.UserError;
import org.attune.shell.text.CatalogueText;
import org.attune.shell.text.Launch;
import org.attune.shell.text.MergeText;
import org.attune.shell.text.Numbers;
import org.attune.shell.text.ReportText;
import org.attune.shell.text.SavedReport;
import org.attune.shell.text.StateText;
import org.attune.shell.text.Terminal;
import org.attune.shell.text.TextTable;
import org.attune.trial.Catalogue;
import org.attune.trial.ModelMerge;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialReport;
import org.attune.trial.TrialState;
import org.attune.trial.Trials;

/** The commands; each public method is one. They give text back, so that it can be piped on. */
public final class TrialCommands {
    static final String SCOPE = "attune";
    static final String TENSOR_SCOPE = "tensor";

    private final Trials trials;
    private final Catalogue catalogue;
    private final ModelMerge merge;
    private final Terminal terminal;
    private final CommandLine commandLine;
    private volatile boolean exited;

    /** The commands that are the same on the command line. */
    @FunctionalInterface
    public interface CommandLine {
        void run(String... arguments) throws Exception;
    }

    public TrialCommands(
            Trials trials, Catalogue catalogue, ModelMerge merge, Terminal terminal, CommandLine commandLine) {
        this.trials = trials;
        this.catalogue = catalogue;
        this.merge = merge;
        this.terminal = terminal;
        this.commandLine = commandLine;
    }

    @Descriptor("list the plug-ins that are there now")
    public String plugins() {
        return CatalogueText.plugins(catalogue, terminal.width(), terminal.glyphs());
    }

    @Descriptor("show the options of a plug-in")
    public String options(@Descriptor("the plug-in's name") String plugin) {
        return CatalogueText.options(catalogue, plugin, terminal.width(), terminal.glyphs());
    }

    @Descriptor("show the base models in memory and the tensor engines")
    public String models() {
        return CatalogueText.models(catalogue, terminal.width(), terminal.glyphs());
    }

    @Descriptor("show what tensor engines and caches hold in memory and what operations the time goes to")
    public String stats() {
        return CatalogueText.stats(catalogue, trials.list(), terminal.width(), terminal.glyphs());
    }

    @Descriptor("start a trial in the background")
    public String run(
            @Descriptor("spec file, then any of: --set 'KEY=VALUE' (may be repeated), --profile") String... arguments) {
        List<String> files = new ArrayList<>();
        Map<String, String> overrides = new LinkedHashMap<>();
        boolean profile = false;
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].equals("--profile")) {
                profile = true;
            } else if (arguments[i].equals("--set")) {
                set(overrides, ++i < arguments.length ? arguments[i] : "", "train.epochs=2");
            } else {
                files.add(arguments[i]);
            }
        }
        if (files.size() != 1) {
            throw new UserError("run: expected one spec file, found "
                    + (files.isEmpty() ? "none" : String.join(" ", files)) + "; usage: " + Command.RUN.usage);
        }
        return started(trials.start(Path.of(files.get(0)), overrides, true, profile));
    }

    private static String started(Trial trial) {
        return "trial " + trial.id() + ": " + trial.name() + ", run folder " + Launch.shortened(trial.folder());
    }

    @Descriptor("list the trials of this session")
    public String trials() {
        TextTable table =
                new TextTable("id", "name", "state", "step", "of", "loss", "examples/s", "left", "run folder");
        for (Trial trial : trials.list()) {
            Progress progress = trial.progress();
            boolean runs = progress.left() != null && !trial.state().ended();
            table.row(
                    trial.id(),
                    trial.name(),
                    StateText.of(trial.state()),
                    String.valueOf(progress.step()),
                    String.valueOf(progress.steps()),
                    Numbers.score(progress.loss()),
                    runs ? Numbers.rate(progress.examplesPerSecond()) : "-",
                    runs ? Numbers.clock(progress.left()) : "-",
                    Launch.shortened(trial.folder()));
        }
        return table.isEmpty()
                ? "No trial was started; start one by: run FILE"
                : table.render(terminal.width(), terminal.glyphs());
    }

    @Descriptor("hold a trial after the step in progress")
    public void pause(@Descriptor("the trial's id") String id) {
        Trial trial = find(id);
        if (trial.state().ended()) {
            throw new UserError(
                    "trial " + id + " is " + StateText.of(trial.state()) + "; only a running one is paused");
        }
        trial.pause();
    }

    @Descriptor("go on with a paused trial, or with a run folder of an earlier session")
    public String resume(@Descriptor("the trial's id, or the run folder") String trial) {
        Trial known = trials.find(trial).orElse(null);
        if (known == null && Files.isDirectory(Path.of(trial))) {
            return started(trials.resume(Path.of(trial), true));
        }
        known = known == null ? find(trial) : known;
        if (known.state() == TrialState.SUSPENDED) {
            return started(trials.resume(known.folder(), true));
        }
        if (known.state().ended()) {
            throw new UserError("trial " + trial + " is " + StateText.of(known.state()) + ": nothing is left to do");
        }
        known.unpause();
        return "";
    }

    @Descriptor("save a checkpoint after the step in progress and end the trial; resume goes on from there")
    public void stop(@Descriptor("the trial's id") String id) {
        Trial trial = find(id);
        if (trial.state().ended()) {
            throw new UserError("trial " + id + " is " + StateText.of(trial.state()) + " already");
        }
        trial.stop();
    }

    @Descriptor(
            "give a running trial another method; what the former has learnt is merged into the trial's weights, or dropped")
    public String swap(
            @Descriptor("the trial's id, then --adapter NAME and any of: --set 'KEY=VALUE' (may be repeated), --drop")
                    String... arguments) {
        List<String> ids = new ArrayList<>();
        String adapter = null;
        Trials.Former former = Trials.Former.MERGED;
        Map<String, String> options = new LinkedHashMap<>();
        for (int i = 0; i < arguments.length; i++) {
            switch (arguments[i]) {
                case "--drop" -> former = Trials.Former.DROPPED;
                case "--adapter" -> adapter = ++i < arguments.length ? arguments[i] : null;
                case "--set" -> set(options, ++i < arguments.length ? arguments[i] : "", "rank=4");
                default -> ids.add(arguments[i]);
            }
        }
        if (ids.size() != 1 || adapter == null) {
            throw new UserError("swap: expected one trial and --adapter NAME; usage: " + Command.SWAP.usage);
        }
        Trial trial = find(ids.get(0));
        if (trial.state().ended()) {
            throw new UserError("trial " + trial.id() + " is " + StateText.of(trial.state())
                    + "; only a running one is given another method");
        }
        trials.swap(trial.id(), adapter, options, former);
        return "trial " + trial.id() + " has " + adapter + " now";
    }

    @Descriptor("switch an adapter of a running trial on or off; what is off keeps its values and is not trained")
    public String adapter(
            @Descriptor("on or off, the adapter's name, and the trial's id where more than one runs")
                    String... arguments) {
        if (arguments.length < 2
                || arguments.length > 3
                || !List.of("on", "off").contains(arguments[0])) {
            throw new UserError("adapter: expected on or off and an adapter's name; usage: " + Command.ADAPTER.usage);
        }
        Trial trial = arguments.length == 3 ? find(arguments[2]) : theRunning();
        if (trial.state().ended()) {
            throw new UserError("trial " + trial.id() + " is " + StateText.of(trial.state())
                    + "; only a running one's adapters are switched");
        }
        trials.turn(trial.id(), arguments[1], arguments[0].equals("on"));
        return "trial " + trial.id() + ": "
                + trial.adapters().entrySet().stream()
                        .map(adapter -> adapter.getKey() + (adapter.getValue() ? " on" : " off"))
                        .collect(Collectors.joining(", "));
    }

    private Trial theRunning() {
        List<Trial> running =
                trials.list().stream().filter(trial -> !trial.state().ended()).toList();
        if (running.size() != 1) {
            throw new UserError(
                    running.isEmpty()
                            ? "no trial is running"
                            : "several trials are running; name one: " + Command.ADAPTER.usage);
        }
        return running.get(0);
    }

    private static void set(Map<String, String> values, String setting, String example) {
        int equals = setting.indexOf('=');
        if (equals < 1) {
            throw new UserError("--set " + setting + ": expected KEY=VALUE, such as --set " + example);
        }
        values.put(setting.substring(0, equals), setting.substring(equals + 1));
    }

    @Descriptor("show the report of a completed trial")
    public String report(
            @Descriptor("show large tables too")
                    @Parameter(
                            names = {"-t", "--tables"},
                            presentValue = "true",
                            absentValue = "false")
                    boolean tables,
            @Descriptor("the trial's id, or the run folder") String trial) {
        Trial known = trials.find(trial).orElse(null);
        if (known == null && Files.isDirectory(Path.of(trial))) {
            SavedReport saved = SavedReport.in(Path.of(trial));
            return text(saved.name(), saved.report(), Path.of(trial), tables);
        }
        Trial found = known == null ? find(trial) : known;
        TrialReport report = found.report()
                .orElseThrow(() -> new UserError(
                        "trial " + trial + " is " + StateText.of(found.state(), found.message()) + "; no report yet"));
        return text(found.name(), report, found.folder(), tables);
    }

    private String text(String name, TrialReport report, Path folder, boolean tables) {
        return ReportText.of(name, report, folder, tables, terminal.width(), terminal.glyphs());
    }

    @Descriptor("merge what a run has trained into its base model")
    public String merge(
            @Descriptor("the run folder of a completed trial") String run,
            @Descriptor("the folder to make") String folder) {
        return MergeText.of(merge.merge(Path.of(run), Path.of(folder)));
    }

    @Descriptor("make one adapter of several; combine --help says how")
    public void combine(@Descriptor("as of attune combine") String... arguments) throws Exception {
        commandLine.run(with("combine", arguments));
    }

    @Descriptor("generate text; generate --help says how")
    public void generate(@Descriptor("as of attune generate") String... arguments) throws Exception {
        commandLine.run(with("generate", arguments));
    }

    @Descriptor("talk with a model; chat --help says how")
    public void chat(@Descriptor("as of attune chat") String... arguments) throws Exception {
        commandLine.run(with("chat", arguments));
    }

    private static String[] with(String command, String... arguments) {
        return Stream.concat(Stream.of(command), Stream.of(arguments)).toArray(String[]::new);
    }

    @Descriptor("list the commands")
    public String help() {
        TextTable table = new TextTable("command", "what it does");
        for (Command command : Command.values()) {
            table.row(command.usage, command.description());
        }
        return table.render(terminal.width(), terminal.glyphs());
    }

    @Descriptor("save what still runs and end")
    public void exit() {
        exited = true;
    }

    boolean exited() {
        return exited;
    }

    private Trial find(String id) {
        return trials.find(id).orElseThrow(() -> {
            List<String> ids = trials.list().stream().map(Trial::id).toList();
            return new UserError("no trial \"" + id + "\"; there "
                    + (ids.isEmpty() ? "is none, start one by: run FILE" : "are: " + String.join(", ", ids)));
        });
    }

    /** What is registered as a command, in the order of the help. */
    enum Command {
        RUN("run FILE [--set 'KEY=VALUE']... [--profile]"),
        TRIALS("trials"),
        PAUSE("pause ID"),
        RESUME("resume ID|RUN"),
        STOP("stop ID"),
        SWAP("swap ID --adapter NAME [--set 'KEY=VALUE']... [--drop]"),
        ADAPTER("adapter on|off NAME [ID]"),
        REPORT("report [--tables] ID|RUN"),
        MERGE("merge RUN FOLDER"),
        COMBINE("combine FOLDER ADAPTER... [OPTION]..."),
        GENERATE("generate --model MODEL|--run RUN [OPTION]... PROMPT..."),
        CHAT("chat --model MODEL|--run RUN [OPTION]..."),
        PLUGINS("plugins"),
        OPTIONS("options PLUGIN"),
        MODELS("models"),
        STATS("tensor:stats", TENSOR_SCOPE),
        HELP("help"),
        EXIT("exit");

        final String usage;
        private final String scope;

        Command(String usage) {
            this(usage, SCOPE);
        }

        Command(String usage, String scope) {
            this.usage = usage;
            this.scope = scope;
        }

        /** The functions of a scope. */
        static String[] of(String scope) {
            return Stream.of(values())
                    .filter(command -> command.scope.equals(scope))
                    .map(Command::function)
                    .toArray(String[]::new);
        }

        /** What a user types: with the scope unless it is the shell's own. */
        String typed() {
            return scope.equals(SCOPE) ? function() : scope + ":" + function();
        }

        String function() {
            return name().toLowerCase(Locale.ROOT);
        }

        String description() {
            return Arrays.stream(TrialCommands.class.getMethods())
                    .filter(method -> method.getName().equals(function()))
                    .map(method -> method.getAnnotation(Descriptor.class).value())
                    .findFirst()
                    .orElseThrow();
        }
    }
}
