package org.attune.shell.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.attune.generation.Generation;
import org.attune.shell.text.Glyphs;
import org.attune.shell.text.Terminal;
import org.attune.trial.AdapterCombination;
import org.attune.trial.ModelExport;
import org.attune.trial.ModelMerge;
import org.attune.trial.Studies;
import org.attune.trial.TraceReplay;
import org.attune.trial.TrialListener;

/** The command line on fake services, with what it wrote. */
public final class Harness {
    private final ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
    private final ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
    public final FakeTrials trials = new FakeTrials();
    public final Terminal terminal = new Terminal(
            new PrintStream(outBytes, true, StandardCharsets.UTF_8),
            new PrintStream(errBytes, true, StandardCharsets.UTF_8),
            false,
            false,
            Glyphs.UNICODE,
            100,
            () -> 80);
    final List<TrialListener> listeners = new ArrayList<>();
    TraceReplay replay = (folder, engine) -> {
        throw new AssertionError("no replay was expected");
    };
    ModelMerge merge = (run, to) -> {
        throw new AssertionError("no merge was expected");
    };
    ModelExport export = (source, base, format, type, to) -> {
        throw new AssertionError("no export was expected");
    };
    Studies studies = (file, overrides) -> {
        throw new AssertionError("no study was expected");
    };
    AdapterCombination combination = (adapters, way, to) -> {
        throw new AssertionError("no combination was expected");
    };
    Generation generation = source -> {
        throw new AssertionError("no generation was expected");
    };
    private CommandLineMain main;

    CommandLineMain main() {
        if (main == null) {
            main = new CommandLineMain(new Services(
                    trials,
                    new FakeCatalogue(),
                    replay,
                    merge,
                    export,
                    combination,
                    studies,
                    generation,
                    listener -> {
                        listeners.add(listener);
                        return () -> listeners.remove(listener);
                    },
                    new Interruption(),
                    terminal));
        }
        return main;
    }

    int attune(Object... arguments) {
        String[] words = new String[arguments.length];
        for (int i = 0; i < words.length; i++) {
            words[i] = arguments[i].toString();
        }
        return main().applyAsInt(words);
    }

    String out() {
        return outBytes.toString(StandardCharsets.UTF_8);
    }

    String err() {
        return errBytes.toString(StandardCharsets.UTF_8);
    }
}
