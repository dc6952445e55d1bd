package org.attune.shell.gogo;

import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import org.apache.felix.service.command.CommandSession;
import org.attune.shell.gogo.TrialCommands.Command;
import org.attune.shell.text.CatalogueText;
import org.attune.trial.Catalogue;
import org.attune.trial.Trial;
import org.attune.trial.Trials;
import org.jline.builtins.Completers.FileNameCompleter;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.LineReader;
import org.jline.reader.ParsedLine;

/** Completes commands, then what each of them takes: plug-ins, trials, files. */
final class CommandCompleter implements Completer {
    /** Where Gogo keeps the names of all commands, {@code scope:function} each. */
    private static final String ALL_COMMANDS = ".commands";

    private final CommandSession session;
    private final Trials trials;
    private final Catalogue catalogue;
    private final Completer files = new FileNameCompleter();

    CommandCompleter(CommandSession session, Trials trials, Catalogue catalogue) {
        this.session = session;
        this.trials = trials;
        this.catalogue = catalogue;
    }

    @Override
    public void complete(LineReader reader, ParsedLine line, List<Candidate> candidates) {
        if (line.wordIndex() == 0) {
            commands(line.word()).map(Candidate::new).forEach(candidates::add);
            return;
        }
        String previous = line.words().get(line.wordIndex() - 1);
        String command = line.words().get(0).replaceFirst("^" + TrialCommands.SCOPE + ":", "");
        switch (command) {
            case "options" ->
                CatalogueText.names(catalogue).stream().map(Candidate::new).forEach(candidates::add);
            case "pause", "stop" -> ids(candidates);
            case "adapter" -> {
                if (line.wordIndex() == 1) {
                    Stream.of("on", "off").map(Candidate::new).forEach(candidates::add);
                } else if (line.wordIndex() == 2) {
                    trials.list().stream()
                            .filter(trial -> !trial.state().ended())
                            .flatMap(trial -> trial.adapters().keySet().stream())
                            .distinct()
                            .map(Candidate::new)
                            .forEach(candidates::add);
                } else {
                    ids(candidates);
                }
            }
            case "resume", "report" -> {
                ids(candidates);
                files.complete(reader, line, candidates);
            }
            case "run" -> {
                if (!previous.equals("--set")) {
                    candidates.add(new Candidate("--set"));
                    candidates.add(new Candidate("--profile"));
                    files.complete(reader, line, candidates);
                }
            }
            default -> {
                // The commands of others are not known here.
            }
        }
    }

    /** The framework's own commands too, once the user has typed the beginning of a scope other than ours. */
    private Stream<String> commands(String typed) {
        Stream<String> own = Stream.of(Command.values()).map(Command::typed);
        Stream<String> qualified = session.get(ALL_COMMANDS) instanceof Collection<?> all
                ? all.stream().map(Object::toString)
                : Stream.empty();
        return typed.isEmpty() ? own : Stream.concat(own, qualified);
    }

    private void ids(List<Candidate> candidates) {
        for (Trial trial : trials.list()) {
            candidates.add(new Candidate(trial.id(), trial.id(), null, trial.name(), null, null, true));
        }
    }
}
