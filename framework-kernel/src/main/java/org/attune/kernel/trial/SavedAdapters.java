package org.attune.kernel.trial;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.attune.kernel.run.AdapterFolder;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.SpecNode;
import org.attune.kernel.spec.TrialSpec;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.training.Adapter;

/** The saved adapters that a spec's adapters begin from: their options and the values of their parameters. */
final class SavedAdapters {
    private SavedAdapters() {}

    /**
     * An adapter with the options that its folder, or its several folders, state; what the spec itself gives counts before them.
     *
     * @throws UserError if a folder is no adapter, or another's, or asks for what the plug-in does not do
     */
    static <O extends Record> PluginRef withOptions(PluginRef ref, Adapter<O> adapter) {
        if (ref.from().isEmpty()) {
            return ref;
        }
        Map<String, Object> options = new LinkedHashMap<>(
                ref.single().isPresent() ? ofOne(ref, ref.single().get(), adapter) : ofSeveral(ref, adapter));
        if (ref.options() instanceof SpecNode.Fields given) {
            options.putAll(given.fields());
        }
        return ref.withOptions(options);
    }

    private static <O extends Record> Map<String, Object> ofOne(PluginRef ref, Path folder, Adapter<O> adapter) {
        Map<String, Object> config = AdapterFolder.read(folder).config();
        return config.get("peft_type").equals(AdapterFolder.ATTUNE)
                ? ofAttune(ref, folder, config)
                : ofPeft(ref, folder, config, adapter);
    }

    private static <O extends Record> Map<String, Object> ofSeveral(PluginRef ref, Adapter<O> adapter) {
        Map<String, Map<String, Object>> configs = new LinkedHashMap<>();
        ref.from()
                .forEach((name, folder) ->
                        configs.put(name, AdapterFolder.read(folder).config()));
        try {
            Adapter.Composition<O> composition = adapter.composition()
                    .orElseThrow(() -> new Adapter.UnsupportedMethod("it is not made of several adapters"));
            return new OptionBinder().describe(composition.options(configs));
        } catch (Adapter.UnsupportedMethod e) {
            throw wrong(ref, ref.from(), e.getMessage());
        }
    }

    private static Map<String, Object> ofAttune(PluginRef ref, Path folder, Map<String, Object> config) {
        List<?> parts = config.get("adapters") instanceof List<?> list ? list : List.of();
        for (Object part : parts) {
            if (part instanceof Map<?, ?> p
                    && ref.name().equals(p.get("name"))
                    && p.get("options") instanceof Map<?, ?> o) {
                Map<String, Object> options = new LinkedHashMap<>();
                o.forEach((name, value) -> options.put(String.valueOf(name), value));
                return options;
            }
        }
        List<Object> names = parts.stream()
                .map(part -> part instanceof Map<?, ?> p ? (Object) p.get("name") : part)
                .toList();
        throw wrong(ref, folder, "it holds the adapters " + names);
    }

    private static <O extends Record> Map<String, Object> ofPeft(
            PluginRef ref, Path folder, Map<String, Object> config, Adapter<O> adapter) {
        Optional<Adapter.PeftFormat<O>> format = adapter.peft();
        if (format.isEmpty() || !format.get().type().equals(config.get("peft_type"))) {
            throw wrong(ref, folder, "its peft_type is " + config.get("peft_type"));
        }
        try {
            return new OptionBinder().describe(format.get().read(config));
        } catch (Adapter.UnsupportedMethod e) {
            throw wrong(ref, folder, e.getMessage());
        }
    }

    private static UserError wrong(PluginRef ref, Object folders, String why) {
        return new UserError(
                ref.options().place() + ": adapter '" + ref.name() + "' cannot begin from " + folders + ": " + why);
    }

    /**
     * Adds what the parameters of an adapter begin with; nothing for those that no folder has.
     *
     * @throws UserError if two folders have a value for one parameter
     */
    static void addValues(PluginRef ref, Adapter<?> adapter, Model model, Map<String, double[]> values) {
        ref.from()
                .forEach((part, folder) -> AdapterFolder.read(folder)
                        .values(model)
                        .forEach((name, elements) -> {
                            Optional<String> ours = part.equals(PluginRef.SINGLE)
                                    ? Optional.of(name)
                                    : adapter.composition().flatMap(composition -> composition.name(part, name));
                            if (ours.isPresent() && values.put(ours.get(), elements) != null) {
                                throw new UserError(folder + ": holds '" + name
                                        + "', which another adapter that this spec begins from holds too");
                            }
                        }));
    }

    /** The folders that a spec's adapters begin from. */
    static Set<Path> folders(TrialSpec spec) {
        Set<Path> folders = new LinkedHashSet<>();
        spec.adapters().forEach(ref -> folders.addAll(ref.from().values()));
        return folders;
    }
}
