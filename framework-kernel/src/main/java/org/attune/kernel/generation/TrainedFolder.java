package org.attune.kernel.generation;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.kernel.plugins.ConfiguredAdapter;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.run.AdapterFolder;
import org.attune.kernel.spec.AdapterScope;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.SpecReader;
import org.attune.kernel.spec.TrialSpec;
import org.attune.model.Model;
import org.attune.model.Weights;
import org.attune.plugin.UserError;

/**
 * What was trained: a run folder, whose spec names the adapters, or an adapter's own folder, whose configuration does.
 *
 * @param spec of the run
 */
record TrainedFolder(Path folder, Optional<TrialSpec> spec, AdapterFolder adapter) {
    /** @throws UserError if it is neither, or what is in it is broken */
    static TrainedFolder read(Path folder) {
        Path spec = folder.resolve("spec.yaml");
        if (!Files.isRegularFile(spec)) {
            return new TrainedFolder(folder, Optional.empty(), AdapterFolder.read(folder));
        }
        Path adapter = folder.resolve("adapter");
        if (!Files.isDirectory(adapter)) {
            throw new UserError(folder + ": this run has no adapter yet; it is written when the run completes");
        }
        return new TrainedFolder(
                folder, Optional.of(new SpecReader().read(spec, Map.of())), AdapterFolder.read(adapter));
    }

    /** The base model as the run or the adapter names it. */
    String model() {
        return spec.map(TrialSpec::model).orElseGet(() -> {
            if (adapter.config().get("base_model_name_or_path") instanceof String name && !name.isEmpty()) {
                return name;
            }
            throw new UserError(folder + ": does not say which model it was trained on; name the model");
        });
    }

    /** How the run held it. */
    Weights weights() {
        return spec.map(TrialSpec::weights).orElse(Weights.DECODED);
    }

    /** The folder that a relative {@link #model} starts from. */
    Path base() {
        return spec.map(TrialSpec::base).orElse(Path.of(""));
    }

    Map<String, double[]> values(Model model) {
        return adapter.values(model, spec.map(TrialSpec::savedScope).orElse(AdapterScope.PLAIN));
    }

    /**
     * The plug-ins; the caller closes them.
     *
     * @param leaving told before the code of one goes
     * @throws UserError if one is not there, or does not do what is asked of it
     */
    List<ConfiguredAdapter> adapters(PluginRegistry plugins, Runnable leaving) {
        if (spec.isEmpty() && !adapter.isOurs()) {
            try {
                return List.of(ConfiguredAdapter.ofPeft(plugins, adapter.config(), leaving));
            } catch (ConfiguredAdapter.NoneFits e) {
                throw new UserError(folder + ": " + e.getMessage(), e);
            }
        }
        List<ConfiguredAdapter> adapters = new ArrayList<>();
        try {
            for (PluginRef ref : spec.map(TrialSpec::adapters).orElseGet(this::listed)) {
                adapters.add(ConfiguredAdapter.named(plugins, ref, base(), leaving)
                        .orElseThrow(() -> new UserError(folder + ": no adapter '" + ref + "' is installed")));
            }
            return adapters;
        } catch (Throwable t) {
            adapters.forEach(ConfiguredAdapter::close);
            throw t;
        }
    }

    private List<PluginRef> listed() {
        return adapter.parts().stream().map(AdapterFolder.Part::ref).toList();
    }
}
