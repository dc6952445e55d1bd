package org.attune.kernel.merge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.attune.kernel.plugins.ConfiguredAdapter;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.run.AdapterFolder;
import org.attune.plugin.UserError;
import org.attune.training.Adapter;
import org.attune.training.Weighting;
import org.attune.trial.AdapterCombination;

/** Combines saved adapters by their own method's plug-in. */
public final class Combiner implements AdapterCombination {
    private final PluginRegistry plugins;

    public Combiner(PluginRegistry plugins) {
        this.plugins = plugins;
    }

    @Override
    public Outcome combine(List<Weighted> adapters, Weighting.Way way, Path to) {
        if (adapters.isEmpty()) {
            throw new UserError("no adapters are named; name at least one");
        }
        if (Files.exists(to)) {
            throw new UserError(to + ": is there already; name a folder that is not");
        }
        List<Weighting.Part> parts = new ArrayList<>();
        for (Weighted adapter : adapters) {
            AdapterFolder saved = AdapterFolder.read(inRun(adapter.folder()));
            parts.add(new Weighting.Part(new Weighting.Saved(saved.config(), saved.tensors()), adapter.weight()));
        }
        for (int i = 1; i < parts.size(); i++) {
            same("peft_type", parts, adapters, i);
            same("base_model_name_or_path", parts, adapters, i);
        }
        Weighting.Saved combined = combined(adapters, parts, way);
        try {
            Files.createDirectories(to);
        } catch (IOException e) {
            throw UserError.cannot("make", to, e);
        }
        new AdapterFolder(combined.config(), combined.tensors()).write(to);
        AdapterFolder.labels(inRun(adapters.get(0).folder()))
                .ifPresent(labels -> AdapterFolder.writeLabels(to, labels));
        return new Outcome(
                to,
                combined.tensors().values().stream()
                        .mapToLong(t -> t.shape().size())
                        .sum());
    }

    private Weighting.Saved combined(List<Weighted> adapters, List<Weighting.Part> parts, Weighting.Way way) {
        List<ConfiguredAdapter> methods = new ArrayList<>();
        try {
            for (int i = 0; i < parts.size(); i++) {
                try {
                    methods.add(ConfiguredAdapter.ofPeft(
                            plugins, parts.get(i).adapter().config(), () -> {}));
                } catch (ConfiguredAdapter.NoneFits e) {
                    throw new UserError(adapters.get(i).folder() + ": " + e.getMessage(), e);
                }
            }
            ConfiguredAdapter method = methods.get(0);
            Weighting weighting = method.weighting()
                    .orElseThrow(() -> new UserError(adapters.get(0).folder() + ": adapters of the method '"
                            + method.ref().name() + "' are not combined"));
            return weighting.combine(parts, way);
        } catch (Adapter.UnsupportedMethod e) {
            throw new UserError("these adapters cannot be combined so: " + e.getMessage(), e);
        } finally {
            methods.forEach(ConfiguredAdapter::close);
        }
    }

    private static void same(String field, List<Weighting.Part> parts, List<Weighted> adapters, int i) {
        Object first = parts.get(0).adapter().config().get(field);
        Object other = parts.get(i).adapter().config().get(field);
        if (first == null ? other != null : !first.equals(other)) {
            throw new UserError(adapters.get(i).folder() + ": its " + field + " is " + other + ", that of "
                    + adapters.get(0).folder() + " is " + first
                    + "; adapters are combined of one method and one base model");
        }
    }

    /** A run's adapter, or the folder itself. */
    private static Path inRun(Path folder) {
        return Files.isRegularFile(folder.resolve("spec.yaml")) ? folder.resolve("adapter") : folder;
    }
}
