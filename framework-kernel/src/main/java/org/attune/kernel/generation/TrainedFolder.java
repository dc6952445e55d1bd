package org.attune.kernel.generation;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.kernel.plugins.ConfiguredAdapter;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.run.AdapterFolder;
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
        return adapter.values(model);
    }

    /**
     * The plug-ins; the caller closes them.
     *
     * @param leaving told before the code of one goes
     * @throws UserError if one is not there, or does not do what is asked of it
     */
    List<ConfiguredAdapter> adapters(PluginRegistry plugins, Runnable leaving) {
        if (spec.isEmpty() && !adapter.config().get("peft_type").equals(AdapterFolder.ATTUNE)) {
            try {
                return List.of(ConfiguredAdapter.ofPeft(plugins, adapter.config(), leaving));
            } catch (ConfiguredAdapter.NoneFits e) {
                throw new UserError(folder + ": " + e.getMessage(), e);
            }
        }
        List<ConfiguredAdapter> adapters = new ArrayList<>();
        try {
            for (PluginRef ref : spec.map(TrialSpec::adapters).orElseGet(this::parts)) {
                adapters.add(ConfiguredAdapter.named(plugins, ref, base(), leaving)
                        .orElseThrow(() -> new UserError(folder + ": no adapter '" + ref + "' is installed")));
            }
            return adapters;
        } catch (Throwable t) {
            adapters.forEach(ConfiguredAdapter::close);
            throw t;
        }
    }

    /** The adapters that a configuration of our own lists. */
    private List<PluginRef> parts() {
        List<PluginRef> refs = new ArrayList<>();
        for (Object part : adapter.config().get("adapters") instanceof List<?> list ? list : List.of()) {
            if (!(part instanceof Map<?, ?> p) || !(p.get("name") instanceof String name)) {
                throw new UserError(folder + ": adapters in adapter_config.json: expected a name and options each");
            }
            Map<String, Object> options = new LinkedHashMap<>();
            if (p.get("options") instanceof Map<?, ?> given) {
                given.forEach((key, value) -> options.put(String.valueOf(key), value));
            }
            refs.add(PluginRef.named(name).withOptions(options));
        }
        return refs;
    }
}
