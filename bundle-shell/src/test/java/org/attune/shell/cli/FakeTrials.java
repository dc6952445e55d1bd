package org.attune.shell.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.attune.plugin.UserError;
import org.attune.trial.Trial;
import org.attune.trial.Trials;

/** Starts what a test has put there for a path. */
public final class FakeTrials implements Trials {
    private final Map<Path, Supplier<Trial>> prepared = new HashMap<>();
    private final List<Trial> started = new ArrayList<>();
    final List<Map<String, String>> overrides = new ArrayList<>();
    public final List<String> swaps = new ArrayList<>();
    public final List<String> turns = new ArrayList<>();
    final List<Boolean> profiles = new ArrayList<>();

    public void prepare(Path path, Supplier<Trial> trial) {
        prepared.put(path, trial);
    }

    @Override
    public Trial start(Path spec, Map<String, String> overrides, boolean waitForPlugins, boolean profile) {
        this.overrides.add(overrides);
        profiles.add(profile);
        return resume(spec, waitForPlugins);
    }

    @Override
    public Trial resume(Path folder, boolean waitForPlugins) {
        if (!prepared.containsKey(folder)) {
            throw new UserError(folder + ": no such file");
        }
        Trial trial = prepared.get(folder).get();
        started.add(trial);
        return trial;
    }

    @Override
    public void swap(String id, String adapter, Map<String, String> options, Former former) {
        swaps.add(id + " " + adapter + " " + options + " " + former);
    }

    @Override
    public void turn(String id, String adapter, boolean on) {
        turns.add(id + " " + adapter + " " + on);
    }

    @Override
    public List<Trial> list() {
        return started;
    }

    @Override
    public Optional<Trial> find(String id) {
        return started.stream().filter(trial -> trial.id().equals(id)).findFirst();
    }

    @Override
    public void stopAll() {
        started.stream().filter(trial -> !trial.state().ended()).forEach(Trial::stop);
    }
}
